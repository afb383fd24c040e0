import { compareSeverity, type Detection, type Story, type StoryProcess } from '@yagura/protocol';
import { jsonBytes, shorten } from '../text/shorten.ts';
import { storyRoots } from '../verdict/story-roots.ts';
import { scoreStory } from './story-score.ts';
import type { StoryRecord, StoryState } from './story-state.ts';

/**
 * Bytes of a story's parts as JSON, together well below one frame (SPEC LI2) even uncompressed. What does
 * not fit is left out; the counts still tell the truth (SPEC ST2).
 */
const BUDGET = { detections: 420_000, processes: 200_000, files: 100_000, actions: 120_000 } as const;
const SHORT_COMMAND_LINE = 512;

/** The story as it goes to the console, under its present revision. */
export function renderStory(state: StoryState, protectedEntityIds: ReadonlySet<string>): Story {
  const detections = fitting([...state.detections].sort(byGravity), BUDGET.detections).sort((a, b) => a.time - b.time);
  const processes = renderProcesses(state);
  const notableFirst = [...state.files.values()].sort((a, b) => Number(b.notable) - Number(a.notable));
  const files = fitting(
    notableFirst.map(({ file }) => file),
    BUDGET.files,
  );
  const all = { detections: state.detections, processes: [...state.processes.values()], files };
  const [rootEntityId] = storyRoots(all, protectedEntityIds);
  return {
    storyId: state.storyId,
    revision: state.revision,
    severity: state.severity,
    score: scoreStory(state.rules.values()),
    ...(rootEntityId === undefined ? {} : { rootEntityId }),
    safeTest: state.safeTest,
    firstSeen: state.firstSeen,
    lastSeen: state.lastSeen,
    detections,
    detectionCount: state.detectionCount,
    processes,
    processCount: state.processCount,
    files,
    actions: fitting([...state.actions].reverse(), BUDGET.actions).reverse(),
    containment: state.containment,
  };
}

/** The gravest first; the first to come of equals. */
function byGravity(a: Detection, b: Detection): number {
  return compareSeverity(b.rule.severity, a.rule.severity) || a.time - b.time;
}

/** Detected processes are kept before the rest, then in the order in which they were seen. */
function renderProcesses(state: StoryState): StoryProcess[] {
  const accused = new Set(state.detections.map(({ event }) => event.entityId));
  const ordered = [...state.processes.values()].sort(
    (a, b) => Number(accused.has(b.entityId)) - Number(accused.has(a.entityId)),
  );
  if (jsonBytes(ordered) <= BUDGET.processes) return ordered;
  return fitting(ordered.map(withShortCommandLine), BUDGET.processes);
}

function withShortCommandLine(process: StoryProcess): StoryProcess {
  const { commandLine } = process;
  return commandLine === undefined ? process : { ...process, commandLine: shorten(commandLine, SHORT_COMMAND_LINE) };
}

/** The items from the front that fit into the budget; an item that does not fit is passed over. */
function fitting<T>(items: readonly T[], budget: number): T[] {
  let left = budget;
  return items.filter((item) => {
    const bytes = jsonBytes(item) + 1;
    if (bytes > left) return false;
    left -= bytes;
    return true;
  });
}

/** The story as it survives a restart. */
export function recordOf(state: StoryState, protectedEntityIds: ReadonlySet<string>): StoryRecord {
  return {
    version: 1,
    story: renderStory(state, protectedEntityIds),
    rules: [...state.rules.values()],
    intendedRoots: [...state.intendedRoots],
    intendedFiles: [...state.intendedFiles],
    links: [...state.links],
    renames: [...state.renames],
  };
}
