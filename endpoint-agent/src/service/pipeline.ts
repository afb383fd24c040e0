import type { ActionOutcome, Event, ItemBody, Story } from '@yagura/protocol';
import {
  applyExclusions,
  applyTunings,
  type Evaluator,
  maskEvent,
  maskStory,
  type Normaliser,
  type RuleMatch,
  type StoryTracker,
} from '../core/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { FileFacts } from '../scanner/file-hasher.ts';
import { AUDITD_SERVICE } from '../sensors/linux/audit/raw/audit-demand.ts';
import type { Observation, Sink } from '../sensors/sensor.ts';
import type { Spool } from '../spool/spool.ts';
import { FORK_SERVICE } from '../state/create-process-table.ts';
import type { History } from '../state/history/history.ts';
import type { ProcessTable } from '../state/process-table.ts';
import type { StoryStore } from '../state/story-store.ts';
import { evaluateRecords } from './evaluate-records.ts';
import type { FileReader } from './read-written-files.ts';
import type { Settings } from './settings.ts';
import type { Telemetry } from './telemetry.ts';

export interface PipelineParts {
  readonly clock: Clock;
  readonly processes: ProcessTable;
  readonly normaliser: Normaliser;
  /** Rules, behaviour and indicators, for every event. */
  readonly evaluator: Evaluator;
  /** Indicators alone, for what becomes known of a file after its event. */
  readonly indicators: Evaluator;
  readonly files: Pick<FileReader, 'read'>;
  readonly tracker: StoryTracker;
  readonly stories: StoryStore;
  readonly settings: Settings;
  readonly telemetry: Telemetry;
  readonly history: Pick<History, 'add'>;
  readonly spool: Spool;
  /** Decides and acts; called after the story is on disk. */
  readonly contain: (story: Story) => void;
}

/** The map of the agent: the way of one event, from the sensor to the spool. */
export interface Pipeline {
  readonly sink: Sink;
  /** Takes in what became of an action: the story changes and both are reported. */
  report(outcome: ActionOutcome): void;
  /** Takes in what rules say of an event after it has passed. */
  judge(event: Event, matches: readonly RuleMatch[]): void;
  /** Stores, sends and judges stories that changed. */
  publish(stories: readonly Story[]): void;
  readonly counts: { readonly suppressed: number; readonly refused: number };
}

export function createPipeline(parts: PipelineParts): Pipeline {
  const { processes, normaliser, evaluator, indicators, files, tracker, settings, telemetry, history, spool } = parts;
  const counts = { suppressed: 0, refused: 0 };

  function take(observation: Observation): void {
    const actor = processes.apply(observation);
    if (observation.logsource.service === FORK_SERVICE) return;
    const normalised = normaliser.normalise(observation, actor);
    if (!normalised.ok) {
      counts.refused += 1;
      return;
    }
    const records = evaluateRecords(evaluator, normalised.event, observation);
    const matches = [...evaluator.evaluate(normalised.event), ...records];
    // A raw record is of use for what rules say of it alone: what it tells has an event of its own.
    if (matches.length === 0 && observation.logsource.service === AUDITD_SERVICE) return;
    judge(
      normalised.event,
      matches.filter((match) => match.about === undefined),
    );
    for (const match of matches) if (match.about !== undefined) judge(match.about, [match]);
    // Judged as it was; stored and sent without secrets.
    const masked = maskEvent(normalised.event);
    telemetry.add(masked);
    history.add(masked);
    const { TargetFilename } = normalised.event.fields;
    const isOfStory = typeof TargetFilename === 'string' && tracker.followsFile(TargetFilename);
    files.read(normalised.event, isOfStory || matches.length > 0, learn);
  }

  /** A written file's content became known. */
  function learn(hashed: Event, path: string, facts: FileFacts): void {
    tracker.applyHash(path, facts.sha256, facts.size);
    const matches = indicators.evaluate(hashed);
    if (matches.length > 0) judge(hashed, matches);
  }

  function judge(event: Event, matches: readonly RuleMatch[]): void {
    const now = settings.now();
    const tuned = applyTunings(matches, settings.tuner(), now);
    settings.countTuned(tuned.applied);
    const { kept, suppressed } = applyExclusions(tuned.kept, event, settings.exclusions(), now);
    counts.suppressed += suppressed.length;
    publish(tracker.apply(event, kept));
  }

  /** On disk first, then sent, then acted upon. */
  function publish(stories: readonly Story[]): void {
    if (stories.length === 0) return;
    parts.stories.save(stories.map((story) => [story.storyId, tracker.record(story.storyId)] as const));
    spool.append(stories.map((story): ItemBody => ({ type: 'story', story: maskStory(story) })));
    for (const story of stories) parts.contain(story);
  }

  return {
    sink: (observations) => {
      for (const observation of observations) take(observation);
    },
    report: (outcome) => {
      spool.append([{ type: 'outcome', outcome }]);
      const story = tracker.applyOutcome(outcome);
      if (story) publish([story]);
    },
    judge,
    publish,
    counts,
  };
}
