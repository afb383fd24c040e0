import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Event, PolicyMode, type Story } from '@yagura/protocol';
import {
  combineEvaluators,
  createBehaviourEvaluator,
  createStoryTracker,
  decideVerdict,
  type ProcessFacts,
  type ProcessLookup,
} from '../core/index.ts';
import { loadRules } from '../service/load-rules.ts';
import { complain, parseCommand } from './options.ts';
import { OWN_PACK } from './own-pack.ts';

const USAGE = 'replay FILE.jsonl [--policy observe|balanced] [--rules DIR]...';
const MAX_ANCESTORS = 64;
/** Damaged lines that are named; the others are counted. */
const MAX_NAMED_LINES = 10;

/**
 * `replay`: normalised events (one JSON object a line) through detection, stories and verdict, without
 * acting. Prints one JSON object a line: each detection, then each story with the verdict on it. Exit 0,
 * 1 when the file cannot be read, 3 when some lines were no events (they are named on stderr).
 */
export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand(USAGE, {
    args: [...argv],
    allowPositionals: true,
    options: {
      policy: { type: 'string', default: 'balanced' },
      rules: { type: 'string', multiple: true, default: [] },
    },
  });
  if (!parsed.ok) return 2;
  const { values, positionals } = parsed.value;
  const mode = PolicyMode.safeParse(values.policy);
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0 || !mode.success) {
    complain(
      'usage',
      `${mode.success ? 'exactly one file is needed' : `there is no policy "${values.policy}"`}\nusage: yagura-agent ${USAGE}`,
    );
    return 2;
  }
  const { rules, indicators } = await loadRules([OWN_PACK, ...values.rules]);
  const processes = createReplayedProcesses();
  let clock = 0;
  let counter = 0;
  const time = { now: () => clock, monotonic: () => clock };
  const evaluator = combineEvaluators(rules, createBehaviourEvaluator({ clock: time, processes }), indicators);
  const tracker = createStoryTracker({
    clock: time,
    newId: () => `replay-${(counter += 1)}`,
    processes,
    protectedEntityIds: () => new Set(),
  });
  const stories = new Map<string, Story>();
  let line = 0;
  let damaged = 0;
  try {
    for await (const text of createInterface({
      input: createReadStream(file, 'utf8'),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      line += 1;
      if (text.trim() === '') continue;
      const event = readEvent(text);
      if (event === undefined) {
        damaged += 1;
        if (damaged <= MAX_NAMED_LINES) complain('event_malformed', `${file}:${line}: not a normalised event`);
        continue;
      }
      clock = Math.max(clock, event.time);
      processes.apply(event);
      const matches = evaluator.evaluate(event);
      for (const { rule, matched } of matches) {
        print({
          type: 'detection',
          line,
          ruleId: rule.ruleId,
          title: rule.title,
          level: rule.severity,
          source: rule.source,
          time: event.time,
          matched,
        });
      }
      const present = matches.filter((match) => match.about === undefined);
      for (const story of tracker.apply(event, present)) stories.set(story.storyId, story);
      for (const match of matches) {
        if (match.about === undefined) continue;
        for (const story of tracker.apply(match.about, [match])) stories.set(story.storyId, story);
      }
    }
  } catch (error) {
    complain(
      'input_unreadable',
      `${file}: ${error instanceof Error && 'code' in error ? String(error.code) : String(error)}`,
    );
    return 1;
  }
  if (damaged > MAX_NAMED_LINES) complain('event_malformed', `${file}: ${damaged} lines are no normalised events`);
  for (const story of tracker.drain()) stories.set(story.storyId, story);
  for (const story of stories.values()) {
    const verdict = decideVerdict({
      story,
      mode: mode.data,
      exclusions: [],
      containedLastHour: 0,
      now: clock,
      renames: tracker.renames(story.storyId),
      protectedEntityIds: new Set(),
    });
    print({
      type: 'story',
      storyId: story.storyId,
      severity: story.severity,
      score: story.score,
      rules: [...new Set(story.detections.map((detection) => detection.rule.title))],
      verdict,
    });
  }
  return damaged > 0 ? 3 : 0;
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function readEvent(text: string): Event | undefined {
  try {
    const result = Event.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** The processes that the replayed events themselves speak of. */
function createReplayedProcesses(): ProcessLookup & { apply(event: Event): void } {
  const records = new Map<string, ProcessFacts>();
  const children = (entityId: string): readonly ProcessFacts[] =>
    [...records.values()].filter((record) => record.parentEntityId === entityId && record.endedAt === undefined);
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return {
    apply(event) {
      const { entityId, parentEntityId, fields, logsource, time } = event;
      if (entityId === undefined) return;
      const known = records.get(entityId);
      if (logsource.category === 'process_termination') {
        if (known) records.set(entityId, { ...known, endedAt: time });
        return;
      }
      if (logsource.category !== 'process_creation') return;
      records.set(entityId, {
        entityId,
        pid: typeof fields['ProcessId'] === 'number' ? fields['ProcessId'] : 0,
        parentEntityId: parentEntityId ?? known?.parentEntityId,
        image: text(fields['Image']),
        commandLine: text(fields['CommandLine']),
        user: text(fields['User']),
        startedAt: known?.startedAt ?? time,
      });
    },
    byPid: (pid) => [...records.values()].findLast((record) => record.pid === pid && record.endedAt === undefined),
    get: (entityId) => records.get(entityId),
    ancestors(entityId, limit) {
      const found: ProcessFacts[] = [];
      let next = records.get(entityId)?.parentEntityId;
      while (next !== undefined && found.length < Math.min(limit, MAX_ANCESTORS)) {
        const record = records.get(next);
        if (record === undefined) break;
        found.push(record);
        next = record.parentEntityId;
      }
      return found;
    },
    descendants(entityId) {
      const found: ProcessFacts[] = [...children(entityId)];
      for (const record of found) found.push(...children(record.entityId).filter((child) => !found.includes(child)));
      return found;
    },
  };
}
