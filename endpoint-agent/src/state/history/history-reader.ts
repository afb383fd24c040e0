import type { Event } from '@yagura/protocol';
import { openForReading, type ReadableStore, type Row } from '../../store/sqlite.ts';
import { BLOCK_EVENTS, unpackBlock } from './block.ts';
import type { HistoryProcess } from './process-rows.ts';

export interface HistoryQuery {
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Name of a program's file, or its whole path; letters' case does not count. */
  readonly process?: string | undefined;
  /** A file, or a directory and all below it; in any field that names files. */
  readonly path?: string | undefined;
  readonly ip?: string | undefined;
  /** Of the acting process. */
  readonly entityId?: string | undefined;
  readonly category?: string | undefined;
  /** The newest of the matches. */
  readonly limit: number;
}

export interface HistoryTree {
  /** From the oldest known ancestor to the parent. */
  readonly ancestors: readonly HistoryProcess[];
  readonly root: HistoryTreeNode;
  /** Processes below that were left out. */
  readonly omitted: number;
}

export interface HistoryTreeNode extends HistoryProcess {
  readonly children: readonly HistoryTreeNode[];
}

/** Reads a history beside the agent that writes it. Throws what `storeFailure` understands. */
export interface HistoryReader extends Disposable {
  /** In the order of time. Reads blocks from the newest back until the limit is reached. */
  search(query: HistoryQuery): Event[];
  /** The process with this id, or the last one with this pid, with what was above and below it. */
  tree(idOrPid: string): HistoryTree | undefined;
}

const MAX_ANCESTORS = 64;
const MAX_DESCENDANTS = 1_000;
const FILE_FIELDS = ['TargetFilename', 'SourceFilename', 'Image', 'CurrentDirectory', 'ImageLoaded'] as const;
const PROCESS_FIELDS = ['Image', 'ParentImage', 'SourceImage', 'TargetImage'] as const;
const IP_FIELDS = ['DestinationIp', 'SourceIp'] as const;

export function openHistoryReader(path: string): HistoryReader {
  const store = openForReading(path);
  return {
    search: (query) => search(store, query),
    tree: (idOrPid) => tree(store, idOrPid),
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}

/** `order` tells events of the same millisecond apart: later ones were written later. */
interface Found {
  readonly event: Event;
  readonly order: number;
}

function search(store: ReadableStore, query: HistoryQuery): Event[] {
  const needles = needlesOf(query);
  const matches = matcherOf(query);
  const found: Found[] = [];
  const blocks = store
    .prepare('SELECT id, data, to_time FROM block WHERE to_time >= ? AND from_time <= ? ORDER BY to_time DESC')
    .iterate(query.since ?? 0, query.until ?? Number.MAX_SAFE_INTEGER);
  // The oldest of enough matches: a block that ended before it cannot hold a newer one.
  let horizon = Number.NEGATIVE_INFINITY;
  for (const { id, data, to_time: endedAt } of blocks) {
    if (!(data instanceof Uint8Array) || typeof id !== 'number' || typeof endedAt !== 'number') continue;
    if (endedAt < horizon) break;
    let order = id * BLOCK_EVENTS;
    for (const event of unpackBlock(data, needles)) {
      order += 1;
      if (event.time >= horizon && matches(event)) found.push({ event, order });
    }
    if (found.length >= query.limit) horizon = keepNewest(found, query.limit);
  }
  keepNewest(found, query.limit);
  return found.map(({ event }) => event).reverse();
}

/** Cuts the list to the newest, newest first, and says how old the oldest of them is. */
function keepNewest(found: Found[], limit: number): number {
  found.sort((a, b) => b.event.time - a.event.time || b.order - a.order).splice(limit);
  return found.length < limit ? Number.NEGATIVE_INFINITY : (found.at(-1)?.event.time ?? Number.NEGATIVE_INFINITY);
}

/** What must stand in an event's JSON, for those conditions whose text is the same there. */
function needlesOf({ path, ip, entityId, category }: HistoryQuery): Buffer[] {
  const plain = [ip, entityId, category, path?.replace(/\/+$/, '')].filter((text) => text !== undefined && text !== '');
  return plain.map((text) => Buffer.from(JSON.stringify(text).slice(1, -1)));
}

function matcherOf(query: HistoryQuery): (event: Event) => boolean {
  const { since = 0, until = Number.MAX_SAFE_INTEGER, entityId, ip, category } = query;
  const program = query.process?.toLowerCase();
  const path = query.path === undefined ? undefined : query.path.replace(/(?<=.)\/+$/, '');
  return ({ time, logsource, fields, ...event }) => {
    const text = (name: string) => {
      const value = fields[name];
      return typeof value === 'string' ? value : undefined;
    };
    if (time < since || time > until) return false;
    if (category !== undefined && logsource.category !== category && logsource.service !== category) return false;
    if (entityId !== undefined && event.entityId !== entityId && event.parentEntityId !== entityId) return false;
    if (ip !== undefined && !IP_FIELDS.some((name) => text(name) === ip)) return false;
    if (program !== undefined && !PROCESS_FIELDS.some((name) => isProgram(text(name), program))) return false;
    return path === undefined || FILE_FIELDS.some((name) => isAtOrBelow(text(name), path));
  };
}

function isProgram(image: string | undefined, wanted: string): boolean {
  const lower = image?.toLowerCase();
  return lower !== undefined && (lower === wanted || lower.endsWith(`/${wanted}`) || lower.endsWith(`\\${wanted}`));
}

function isAtOrBelow(path: string | undefined, wanted: string): boolean {
  return path !== undefined && (path === wanted || path.startsWith(wanted.endsWith('/') ? wanted : `${wanted}/`));
}

function tree(store: ReadableStore, idOrPid: string): HistoryTree | undefined {
  const byId = store.prepare('SELECT * FROM process WHERE entity_id = ?');
  const children = store.prepare('SELECT * FROM process WHERE parent_id = ? ORDER BY started_at, entity_id');
  const start =
    byId.get(idOrPid) ??
    (/^\d{1,10}$/.test(idOrPid)
      ? store.prepare('SELECT * FROM process WHERE pid = ? ORDER BY started_at DESC LIMIT 1').get(Number(idOrPid))
      : undefined);
  if (!start) return undefined;
  const root = toProcess(start);
  // Ids of damage or of reuse must not lead in circles.
  const seen = new Set([root.entityId]);
  const ancestors: HistoryProcess[] = [];
  for (
    let at: HistoryProcess | undefined = root;
    at?.parentEntityId !== undefined && ancestors.length < MAX_ANCESTORS;
  ) {
    const row: Row | undefined = seen.has(at.parentEntityId) ? undefined : byId.get(at.parentEntityId);
    at = row && toProcess(row);
    if (!at) break;
    seen.add(at.entityId);
    ancestors.unshift(at);
  }
  let count = 0;
  let omitted = 0;
  const nodeOf = (process: HistoryProcess, depth: number): HistoryTreeNode => {
    const below: HistoryTreeNode[] = [];
    for (const row of children.all(process.entityId)) {
      const child = toProcess(row);
      if (seen.has(child.entityId)) continue;
      if (count >= MAX_DESCENDANTS || depth >= MAX_ANCESTORS) {
        omitted += 1;
        continue;
      }
      count += 1;
      seen.add(child.entityId);
      below.push(nodeOf(child, depth + 1));
    }
    return { ...process, children: below };
  };
  const node = nodeOf(root, 0);
  return { ancestors, root: node, omitted };
}

function toProcess(row: Row): HistoryProcess {
  const text = (column: string) => (typeof row[column] === 'string' ? row[column] : undefined);
  const number = (column: string) => (typeof row[column] === 'number' ? row[column] : undefined);
  const known: Record<string, string | number | undefined> = {
    parentEntityId: text('parent_id'),
    pid: number('pid'),
    image: text('image'),
    commandLine: text('command_line'),
    user: text('user'),
    startedAt: number('started_at'),
    endedAt: number('ended_at'),
  };
  for (const [name, value] of Object.entries(known)) if (value === undefined) delete known[name];
  return { entityId: text('entity_id') ?? '', ...known };
}
