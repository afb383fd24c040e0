import type { Gap, Lane } from '@yagura/protocol';
import type { ItemStore, RowKey, TelemetryOwner } from './item-store.ts';
import type { SpoolLimits } from './limits.ts';
import { OWNED_BY_AGENT } from './row-of.ts';

/** When shedding begins it frees this part of the bound at once, so that it is not repeated per append. */
const SLACK = 0.02;

interface Excess {
  bytes: number;
  rows: number;
}

export interface Shed {
  readonly shed: number;
  readonly aggregated: number;
}

/**
 * Removes items until the spool is within its bounds (SPEC SP4) and hands every removed range to
 * `leaveGap`. Items that are on their way to the console (`offered`) stay: they may have arrived, and a
 * gap must not count them. Must run inside a transaction.
 */
export function makeRoom(
  store: ItemStore,
  limits: SpoolLimits,
  offered: ReadonlySet<number>,
  leaveGap: (lane: Lane, removed: readonly RowKey[]) => void,
): Shed {
  let shed = 0;
  const drop = (lane: Lane, keys: readonly RowKey[]): void => {
    if (keys.length === 0) return;
    store.remove(keys);
    leaveGap(lane, keys);
    shed += keys.length;
  };

  const ofAll = excessOf(store, limits, 'all');
  if (ofAll !== undefined) drop('telemetry', takeFromLargest(store, ofAll, offered));
  for (const lane of ['telemetry', 'detail'] as const) {
    const excess = excessOf(store, limits, 'all');
    if (excess !== undefined) drop(lane, take(store.keys(lane), excess, offered));
  }
  if (excessOf(store, limits, 'alerts') === undefined) return { shed, aggregated: 0 };
  const repeated = store.repeatedAlerts().filter((key) => !offered.has(key.sequence));
  drop('alerts', repeated);
  const excess = excessOf(store, limits, 'alerts');
  if (excess !== undefined) drop('alerts', take(store.weakestAlerts(), excess, offered));
  return { shed, aggregated: repeated.length };
}

/** How much must go, slack included; `all` also holds detail and telemetry to their share. */
function excessOf(store: ItemStore, limits: SpoolLimits, scope: 'all' | 'alerts'): Excess | undefined {
  const { alerts, detail, telemetry } = store.totals;
  const other = { bytes: detail.bytes + telemetry.bytes, rows: detail.rows + telemetry.rows };
  const bytes = alerts.bytes + other.bytes - limits.bytes;
  const rows = alerts.rows + other.rows - limits.rows;
  const otherBytes = scope === 'all' ? other.bytes - (limits.bytes - limits.alertBytes) : 0;
  const otherRows = scope === 'all' ? other.rows - (limits.rows - limits.alertRows) : 0;
  const excess = { bytes: Math.max(bytes, otherBytes), rows: Math.max(rows, otherRows) };
  if (excess.bytes <= 0 && excess.rows <= 0) return undefined;
  return {
    bytes: excess.bytes > 0 ? excess.bytes + limits.bytes * SLACK : 0,
    rows: excess.rows > 0 ? excess.rows + limits.rows * SLACK : 0,
  };
}

/**
 * The oldest telemetry of those users who have most of it, down to the same height: one user's flood costs nobody
 * else anything. What was done to the agent itself is left.
 */
function takeFromLargest(store: ItemStore, excess: Excess, offered: ReadonlySet<number>): RowKey[] {
  const byBytes = excess.bytes > 0;
  const sizeOf = ({ bytes, rows }: TelemetryOwner): number => (byBytes ? bytes : rows);
  const owners = store
    .telemetryOwners()
    .filter(({ owner }) => owner !== OWNED_BY_AGENT)
    .sort((a, b) => sizeOf(b) - sizeOf(a));
  const height = heightFor(owners.map(sizeOf), byBytes ? excess.bytes : excess.rows);
  const taken: RowKey[] = [];
  for (const each of owners) {
    const above = sizeOf(each) - height;
    if (above <= 0) break;
    taken.push(
      ...take(store.telemetryOf(each.owner), byBytes ? { bytes: above, rows: 0 } : { bytes: 0, rows: above }, offered),
    );
  }
  return taken;
}

/** The height to which the largest are cut so that `wanted` is freed; `sizes` from the largest down. */
function heightFor(sizes: readonly number[], wanted: number): number {
  let sum = 0;
  for (const [index, size] of sizes.entries()) {
    sum += size;
    const height = (sum - wanted) / (index + 1);
    if (height >= (sizes[index + 1] ?? 0)) return height;
  }
  return 0;
}

function take(keys: IterableIterator<RowKey>, excess: Excess, offered: ReadonlySet<number>): RowKey[] {
  const taken: RowKey[] = [];
  let bytes = 0;
  for (const key of keys) {
    if (bytes >= excess.bytes && taken.length >= excess.rows) break;
    if (offered.has(key.sequence)) continue;
    taken.push(key);
    bytes += key.size;
  }
  return taken;
}

/** Makes the marker of a removed range, merged with an earlier one of the same lane when there is one. */
export function gapOf(lane: Lane, removed: readonly RowKey[], earlier: Gap | undefined): Gap {
  const gap = { lane, fromSequence: Infinity, toSequence: 0, count: removed.length, from: Infinity, to: 0 };
  for (const { sequence, spooledAt } of removed) {
    gap.fromSequence = Math.min(gap.fromSequence, sequence);
    gap.toSequence = Math.max(gap.toSequence, sequence);
    gap.from = Math.min(gap.from, spooledAt);
    gap.to = Math.max(gap.to, spooledAt);
  }
  if (earlier === undefined) return gap;
  return {
    lane,
    fromSequence: Math.min(gap.fromSequence, earlier.fromSequence),
    toSequence: Math.max(gap.toSequence, earlier.toSequence),
    count: gap.count + earlier.count,
    from: Math.min(gap.from, earlier.from),
    to: Math.max(gap.to, earlier.to),
  };
}
