import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '@yagura/protocol';
import { HISTORY_FILE } from '../state/history/history.ts';
import {
  type HistoryReader,
  type HistoryTree,
  type HistoryTreeNode,
  openHistoryReader,
} from '../state/history/history-reader.ts';
import type { HistoryProcess } from '../state/history/process-rows.ts';
import { storeFailure } from '../store/sqlite.ts';
import { oneLine } from './one-line.ts';
import { complain, DEFAULT_STATE_DIR, parseCommand } from './options.ts';
import { parsePointInTime } from './point-in-time.ts';

const USAGE =
  'history [--since 2h] [--until TIME] [--process NAME] [--path P] [--ip A] [--entity ID] [--category C] [--limit N] [--tree ENTITY|PID] [--json] [--state-dir DIR]';
const DEFAULT_LIMIT = 1_000;
const MAX_LIMIT = 100_000;

/**
 * What happened on this machine, from the local history; the agent need not run. With `--json` one event a
 * line, or the tree as one object. Exit 0 when it could be read, 1 when not or when the process of `--tree`
 * is not known, 2 for wrong arguments.
 */
export function run(argv: readonly string[]): Promise<number> {
  return Promise.resolve(runNow(argv));
}

function runNow(argv: readonly string[]): number {
  const parsed = parseCommand(USAGE, {
    args: [...argv],
    options: {
      since: { type: 'string' },
      until: { type: 'string' },
      process: { type: 'string' },
      path: { type: 'string' },
      ip: { type: 'string' },
      entity: { type: 'string' },
      category: { type: 'string' },
      limit: { type: 'string', default: String(DEFAULT_LIMIT) },
      tree: { type: 'string' },
      json: { type: 'boolean', default: false },
      'state-dir': { type: 'string', default: DEFAULT_STATE_DIR },
    },
  });
  if (!parsed.ok) return 2;
  const { values } = parsed.value;
  const now = Date.now();
  const since = values.since === undefined ? undefined : parsePointInTime(values.since, now);
  const until = values.until === undefined ? undefined : parsePointInTime(values.until, now);
  const limit = Number(values.limit);
  if (Number.isNaN(since) || Number.isNaN(until)) {
    complain('usage', 'a time is written like 30m, 2h, 3d or 2026-11-24T09:00');
    return 2;
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    complain('usage', `--limit is a number from 1 to ${MAX_LIMIT}`);
    return 2;
  }
  const opened = open(join(values['state-dir'], HISTORY_FILE));
  if (!opened) return 1;
  using reader = opened;
  try {
    return answer(reader, values, { since, until, limit });
  } catch (error) {
    const failure = storeFailure(error);
    if (failure === undefined) throw error;
    complain(`history_${failure}`, 'what was printed is not all; the agent replaces the file when it meets the damage');
    return 1;
  }
}

interface Wanted {
  readonly tree?: string;
  readonly json: boolean;
  readonly process?: string;
  readonly path?: string;
  readonly ip?: string;
  readonly entity?: string;
  readonly category?: string;
}

function answer(
  reader: HistoryReader,
  values: Wanted,
  { since, until, limit }: { since: number | undefined; until: number | undefined; limit: number },
): number {
  if (values.tree !== undefined) return printTree(reader.tree(values.tree), values.tree, values.json);
  const events = reader.search({
    since,
    until,
    process: values.process,
    path: values.path,
    ip: values.ip,
    entityId: values.entity,
    category: values.category,
    limit,
  });
  for (const event of events) process.stdout.write(`${values.json ? JSON.stringify(event) : lineOf(event)}\n`);
  if (events.length === limit) complain('limited', `only the newest ${limit} are shown; --limit shows more`);
  return 0;
}

function open(path: string): HistoryReader | undefined {
  if (!existsSync(path)) {
    complain(
      'history_missing',
      `${path} does not exist or cannot be entered: name the folder with --state-dir, or run as root`,
    );
    return undefined;
  }
  try {
    return openHistoryReader(path);
  } catch (error) {
    const failure = storeFailure(error);
    if (failure === undefined) throw error;
    complain(`history_${failure}`, `${path} cannot be read; doctor says how the agent is`);
    return undefined;
  }
}

/** Fields worth a place in one line, by what they tell most. */
const SHOWN = [
  'CommandLine',
  'TargetFilename',
  'SourceFilename',
  'DestinationIp',
  'DestinationPort',
  'QueryName',
  'TargetImage',
  'ImageLoaded',
  'Message',
] as const;

function lineOf(event: Event): string {
  const { time, logsource, fields, entityId } = event;
  const what = SHOWN.flatMap((name) => (fields[name] === undefined ? [] : [String(fields[name])])).join(' ');
  const who = [fields['User'], fields['Image'], fields['ProcessId']].filter((each) => each !== undefined).join(' ');
  return oneLine(
    `${clock(time)}  ${(logsource.category ?? logsource.service ?? '').padEnd(19)} ${entityId ?? '-'}  ${who}  ${what}`,
  );
}

/** A tree is read by its shape; `--json` has the rest. */
function shorten(text: string): string {
  return text.length > 160 ? `${text.slice(0, 160)}...` : text;
}

function clock(time: number): string {
  return new Date(time).toISOString().replace('T', ' ').replace('Z', '');
}

function printTree(tree: HistoryTree | undefined, wanted: string, json: boolean): number {
  if (!tree) {
    complain('process_unknown', `the history knows no process "${wanted}"`);
    return 1;
  }
  if (json) {
    process.stdout.write(`${JSON.stringify(tree)}\n`);
    return 0;
  }
  tree.ancestors.forEach((each, depth) => print(each, depth, ' '));
  const walk = (node: HistoryTreeNode, depth: number): void => {
    print(node, depth, node === tree.root ? '*' : ' ');
    for (const child of node.children) walk(child, depth + 1);
  };
  walk(tree.root, tree.ancestors.length);
  if (tree.omitted > 0) complain('limited', `${tree.omitted} processes below are not shown`);
  return 0;
}

function print(each: HistoryProcess, depth: number, mark: string): void {
  const times = `${each.startedAt === undefined ? '?' : clock(each.startedAt)} - ${each.endedAt === undefined ? 'running or unknown' : clock(each.endedAt)}`;
  const program = shorten(each.commandLine ?? each.image ?? '?');
  process.stdout.write(
    `${oneLine(`${mark} ${'  '.repeat(depth)}${program}  [${each.pid ?? '?'} ${each.user ?? '?'} ${each.entityId}] ${times}`)}\n`,
  );
}
