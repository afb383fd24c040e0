import { type ActionCode, type ActionOutcome, compareSeverity, type Detection, type Story } from '@yagura/protocol';
import type { IncidentDetail } from '../../../api/index.ts';
import { visibleText } from '../../components/visible-text.ts';
import { type Act, actOf } from './acts.ts';

/** How far the story was stopped, and by whom. */
export type Stopped = 'by-policy' | 'by-person' | 'in-progress' | 'partly' | 'not-stopped';

/** What the person is asked to do. */
export type Request = 'none-closed' | 'none-test' | 'none' | 'wait' | 'judge-contained' | 'judge-observed' | 'unplug';

/** Something that was meant to be done and was not, and why; `name` of the file or program where known. */
export interface Refusal {
  readonly code: ActionCode;
  readonly kind: 'file' | 'program';
  readonly name?: string;
}

/** All that the sentence says, in codes, counts and names that are already safe to show. */
export interface StoryFacts {
  readonly machine: string;
  /** Its users gave it a name: it is called by it, without quotation marks. */
  readonly machineNamed: boolean;
  readonly act: Act;
  readonly program?: string;
  readonly file?: string;
  readonly stopped: Stopped;
  /** How many processes were ended; absent when they were ended but not counted. */
  readonly ended?: number;
  readonly anyEnded: boolean;
  readonly frozen: boolean;
  readonly held: number;
  readonly restored: number;
  readonly deleted: number;
  readonly refusals: readonly Refusal[];
  readonly request: Request;
}

export type StoryInput = Pick<
  IncidentDetail,
  'endpointName' | 'hostname' | 'lane' | 'safeTest' | 'status' | 'containment' | 'story'
>;

const NAME_LENGTH = 60;
const MAX_REFUSALS = 3;

/** The last part of a path of any system, safe to show. */
export function baseName(path: string): string {
  const parts = path.split(/[/\\]/).filter((part) => part !== '');
  return visibleText(parts.at(-1) ?? path, NAME_LENGTH);
}

/** The detection that says most about the story: the strongest, and of equals the first. */
export function leadingDetection(story: Pick<Story, 'detections'>): Detection {
  const [first, ...rest] = story.detections;
  if (first === undefined) throw new Error('a story has at least one detection');
  return rest.reduce(
    (best, each) => (compareSeverity(each.rule.severity, best.rule.severity) > 0 ? each : best),
    first,
  );
}

function textField(detection: Detection, name: string): string | undefined {
  const value = detection.event.fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function programOf(detection: Detection, story: Story): string | undefined {
  const image =
    textField(detection, 'Image') ??
    story.processes.find((process) => process.entityId === detection.event.entityId)?.image;
  return image === undefined ? undefined : baseName(image);
}

function fileOf(detection: Detection, story: Story): string | undefined {
  const path = textField(detection, 'TargetFilename') ?? story.files[0]?.path;
  return path === undefined ? undefined : baseName(path);
}

function stoppedBy(input: StoryInput, done: readonly ActionOutcome[]): Stopped {
  if (input.containment === 'in-progress') return 'in-progress';
  if (input.containment === 'partial') return 'partly';
  if (input.containment === 'observed') return 'not-stopped';
  const acted = done.filter((action) => action.kind === 'kill-tree' || action.kind === 'quarantine-file');
  return acted.length > 0 && acted.every((action) => action.origin !== 'policy') ? 'by-person' : 'by-policy';
}

function refusalsOf(story: Story): Refusal[] {
  const moved = new Set(story.files.filter((file) => file.state !== 'present').map((file) => file.path));
  const refusals = new Map<string, Refusal>();
  for (const action of story.actions) {
    if (action.ok || action.kind === 'freeze-tree' || action.kind === 'release-tree') continue;
    const path = action.target.path;
    if (path !== undefined && moved.has(path)) continue;
    const kind = action.kind === 'kill-tree' || action.kind === 'contain-story' ? 'program' : 'file';
    const named = kind === 'file' ? path : action.target.image;
    const refusal = { code: action.code, kind, ...(named === undefined ? {} : { name: baseName(named) }) } as const;
    refusals.set(`${refusal.code} ${refusal.name ?? ''}`, refusal);
  }
  return [...refusals.values()].slice(0, MAX_REFUSALS);
}

function requestOf(input: StoryInput): Request {
  if (input.status === 'closed') return 'none-closed';
  if (input.containment === 'in-progress') return 'wait';
  if (input.safeTest) return 'none-test';
  if (input.containment === 'partial') return input.lane === 'information' ? 'judge-observed' : 'unplug';
  if (input.lane === 'information') return 'none';
  return input.containment === 'observed' ? 'judge-observed' : 'judge-contained';
}

/** Reads an incident's codes: pure, and total for any story that the schema lets through. */
export function storyFacts(input: StoryInput): StoryFacts {
  const { story } = input;
  const leading = leadingDetection(story);
  const program = programOf(leading, story);
  const file = fileOf(leading, story);
  const done = story.actions.filter((action) => action.ok);
  const kills = done.filter((action) => action.kind === 'kill-tree');
  const counted = kills.reduce((sum, action) => sum + (action.processes ?? 0), 0);
  const countOf = (state: Story['files'][number]['state']) => story.files.filter((each) => each.state === state).length;
  return {
    machine: visibleText(input.endpointName, NAME_LENGTH),
    machineNamed: input.endpointName !== input.hostname,
    act: input.safeTest ? 'safe-test' : actOf(leading),
    ...(program === undefined ? {} : { program }),
    ...(file === undefined ? {} : { file }),
    stopped: stoppedBy(input, done),
    ...(counted > 0 ? { ended: counted } : {}),
    anyEnded: kills.length > 0,
    frozen: kills.length === 0 && story.processes.some((process) => process.state === 'frozen'),
    held: countOf('quarantined'),
    restored: countOf('restored'),
    deleted: countOf('deleted'),
    refusals: refusalsOf(story),
    request: requestOf(input),
  };
}
