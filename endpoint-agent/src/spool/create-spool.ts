import { join } from 'node:path';
import { type Item, type ItemBody, LANE_OF, type Lane } from '@yagura/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import { type Durability, type Store, storeFailure } from '../store/sqlite.ts';
import { type Ballast, createBallast } from './ballast.ts';
import { GapLedger } from './gap-ledger.ts';
import type { ItemStore, RowKey } from './item-store.ts';
import { DEFAULT_SPOOL_LIMITS, type SpoolLimits } from './limits.ts';
import { openSpoolStore } from './open-spool-store.ts';
import { rowOf } from './row-of.ts';
import { selectKeys } from './select-items.ts';
import { makeRoom } from './shedding.ts';
import type { Spool, SpoolProblem, SpoolStatus } from './spool.ts';

export interface SpoolOptions {
  /** Made with mode 0700 when it does not exist. */
  readonly dir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<SpoolLimits>;
}

/** Bytes of telemetry and detail below which shedding them would give the disk nothing. */
const WORTH_SHEDDING = 65_536;

/** Acknowledged items that are remembered while the disk is full; what is beyond is sent again. */
const ACKNOWLEDGED_LATER = 100_000;

/** How often a lost ballast is laid down again, in milliseconds. */
const BALLAST_RETRY = 60_000;

/**
 * Opens or makes the spool in `dir`. Throws `SpoolLockedError` when another process uses it; all else is
 * lived with and said in `status().problem`.
 */
export function createSpool(options: SpoolOptions): Spool {
  return new SqliteSpool(options);
}

class SqliteSpool implements Spool {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: SpoolLimits;
  readonly #ballast: Ballast;
  readonly #listeners: (() => void)[] = [];
  #store: Store;
  #items: ItemStore;
  #damage: SpoolProblem | undefined;
  #diskTrouble: SpoolProblem | undefined;
  /** Alerts that found no room on the disk; tried again before everything that comes later. */
  #held: ItemBody[] = [];
  /** Items that `next` gave out and nobody answered yet. */
  #offered: ReadonlySet<number> = new Set();
  readonly #gaps = new GapLedger();
  #deferred = false;
  #counts = { shed: 0, aggregated: 0, refused: 0 };
  #setAside: number;
  #ballastTriedAt: number;
  /** Acknowledged, but a full disk did not take even that: not to be sent again, removed later. */
  #acknowledged = new Set<number>();

  constructor({ dir, clock, random, limits }: SpoolOptions) {
    this.#dir = dir;
    this.#clock = clock;
    this.#random = random;
    this.#limits = { ...DEFAULT_SPOOL_LIMITS, ...limits };
    this.#ballast = createBallast(join(dir, 'spool.ballast'), dir, this.#limits.ballastBytes);
    const { store, items, problem } = openSpoolStore(dir, clock, random);
    this.#store = store;
    this.#items = items;
    this.#damage = problem;
    this.#setAside = items.setAsideCount();
    this.#ballastTriedAt = clock.monotonic();
    if (problem !== 'spool_volatile') this.#ballast.restore();
  }

  append(bodies: readonly ItemBody[]): readonly Item[] {
    this.#restoreBallast();
    this.#flushHeld();
    if (bodies.length === 0) return [];
    const written = this.#writeWithRoom(bodies);
    if (written !== undefined) {
      this.#announce();
      return written;
    }
    // Each alert on its own: one may fit where all together do not.
    const alone = bodies.filter((body) => LANE_OF[body.type] === 'alerts');
    this.#counts.refused += bodies.length - alone.length;
    const saved: Item[] = [];
    for (const body of alone) {
      const items = this.#held.length > 0 ? undefined : this.#writeWithRoom([body]);
      if (items === undefined) this.#hold(body);
      else saved.push(...items);
    }
    if (saved.length > 0) this.#announce();
    return saved;
  }

  next(limit: { readonly items: number; readonly bytes: number }, inFlight: ReadonlySet<number>): readonly Item[] {
    this.#flushHeld();
    this.#removeAcknowledged();
    return (
      this.#guard(() => {
        // SP1: nothing leaves the machine that a power loss could make this spool forget.
        if (this.#deferred) this.#items.sync();
        this.#deferred = false;
        return this.#select(limit, inFlight);
      }) ?? []
    );
  }

  acknowledge(ranges: readonly (readonly [number, number])[]): void {
    const covered = (sequence: number): boolean => ranges.some(([from, to]) => sequence >= from && sequence <= to);
    const answered = [...this.#offered].filter(covered);
    this.#offered = new Set([...this.#offered].filter((sequence) => !covered(sequence)));
    if (this.#remove(ranges)) return this.#removeAcknowledged();
    for (const sequence of answered.slice(0, ACKNOWLEDGED_LATER - this.#acknowledged.size))
      this.#acknowledged.add(sequence);
  }

  quarantine(sequence: number, code: string): void {
    this.#guard(() => {
      const key = this.#items.find(sequence);
      if (key === undefined) return;
      this.#items.transaction('durable', () => {
        this.#items.setAside(key, code, this.#clock.now(), this.#limits.setAsideRows);
      });
      this.#setAside = this.#items.setAsideCount();
      this.#offered = new Set([...this.#offered].filter((offered) => offered !== sequence));
    });
  }

  /** False when the disk did not take it. */
  #remove(ranges: readonly (readonly [number, number])[]): boolean {
    // An acknowledgement that a power loss undoes only makes the items travel twice (UP4).
    const remove = (): true => {
      this.#items.transaction('deferred', () => {
        for (const [from, to] of ranges) this.#items.removeRange(from, to);
      });
      return true;
    };
    return this.#withReclaim(remove) ?? false;
  }

  #removeAcknowledged(): void {
    if (this.#acknowledged.size === 0) return;
    const ranges = [...this.#acknowledged].map((sequence): [number, number] => [sequence, sequence]);
    if (this.#remove(ranges)) this.#acknowledged.clear();
  }

  status(): SpoolStatus {
    const { alerts, detail, telemetry } = this.#items.totals;
    const problem = this.#diskTrouble ?? this.#damage;
    return {
      epoch: this.#items.epoch,
      lastSequence: this.#items.lastSequence,
      pending: { alerts: alerts.rows, detail: detail.rows, telemetry: telemetry.rows },
      bytes: alerts.bytes + detail.bytes + telemetry.bytes,
      ...this.#counts,
      held: this.#held.length,
      setAside: this.#setAside,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  onAppend(listener: () => void): void {
    this.#listeners.push(listener);
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /** Writes all or nothing; on a full disk once more with what was set apart. Undefined when it can't. */
  #writeWithRoom(bodies: readonly ItemBody[]): readonly Item[] | undefined {
    const first = this.#withReclaim(() => this.#write(bodies));
    if (first !== undefined) return first;
    // Space that was set apart is for alerts only.
    if (this.#diskTrouble !== 'disk_full' || !bodies.some((body) => LANE_OF[body.type] === 'alerts')) return undefined;
    const second = this.#ballast.release() ? this.#withReclaim(() => this.#write(bodies)) : undefined;
    if (second !== undefined) return second;
    return this.#freePages() ? this.#guard(() => this.#write(bodies)) : undefined;
  }

  /** Sheds a fifth of what is not an alert, so that the database has free pages of its own. */
  #freePages(): boolean {
    const { alerts, detail, telemetry } = this.#items.totals;
    const other = detail.bytes + telemetry.bytes;
    if (other < WORTH_SHEDDING) return false;
    const bytes = alerts.bytes + other * 0.8;
    const limits = { ...this.#limits, bytes, alertBytes: alerts.bytes };
    return this.#guard(() => this.#room('durable', limits, () => undefined)) !== undefined;
  }

  #write(bodies: readonly ItemBody[]): readonly Item[] {
    const alerts = bodies.some((body) => LANE_OF[body.type] === 'alerts');
    const spooledAt = this.#clock.now();
    const { stored, tooLarge } = this.#room(alerts ? 'durable' : 'deferred', this.#limits, () => {
      const items: Item[] = [];
      for (const body of bodies) {
        const row = rowOf(body, this.#items.lastSequence + 1, spooledAt, this.#limits.itemBytes);
        if (row === undefined) continue;
        this.#items.nextSequence();
        if (row.subject !== undefined) this.#items.removeOlder(row.subject, row.revision);
        this.#items.insert(row);
        items.push({ sequence: row.sequence, spooledAt, body });
      }
      return { stored: items, tooLarge: bodies.length - items.length };
    });
    this.#counts.refused += tooLarge;
    return stored;
  }

  /** Runs `work` and then sheds down to `limits`, in one transaction. */
  #room<Result>(durability: Durability, limits: SpoolLimits, work: () => Result): Result {
    const leaveGap = (lane: Lane, removed: readonly RowKey[]): void =>
      this.#gaps.leave(this.#items, lane, removed, this.#clock.now());
    const { result, room } = this.#gaps.during(() =>
      this.#items.transaction(durability, () => {
        const done = work();
        return { result: done, room: makeRoom(this.#items, limits, this.#offered, leaveGap) };
      }),
    );
    this.#deferred = durability === 'deferred';
    this.#counts.shed += room.shed;
    this.#counts.aggregated += room.aggregated;
    this.#diskTrouble = undefined;
    return result;
  }

  #select(limit: { readonly items: number; readonly bytes: number }, inFlight: ReadonlySet<number>): readonly Item[] {
    const skip = (sequence: number): boolean => inFlight.has(sequence) || this.#acknowledged.has(sequence);
    const items: Item[] = [];
    for (const key of selectKeys(this.#items, limit, skip)) {
      const item = this.#items.read(key);
      if (item === undefined) this.quarantine(key.sequence, 'row_damaged');
      else items.push(item);
    }
    this.#offered = new Set([...inFlight, ...items.map((item) => item.sequence)]);
    this.#gaps.close(this.#offered);
    return items;
  }

  /** Like `#guard`, with a second attempt: in a replaced database, or after the log has been emptied. */
  #withReclaim<Result>(work: () => Result): Result | undefined {
    if (this.#diskTrouble === 'disk_full') this.#store.reclaim();
    const first = this.#guard(work);
    if (first !== undefined) return first;
    if (this.#diskTrouble !== undefined) this.#store.reclaim();
    return this.#guard(work);
  }

  /** Runs one use of the database; undefined after trouble with disk or database, which is noted. */
  #guard<Result>(work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      const failure = storeFailure(error);
      if (failure === undefined || failure === 'locked') throw error;
      if (failure === 'damaged') this.#replaceStore();
      else this.#diskTrouble = failure;
      return undefined;
    }
  }

  #replaceStore(): void {
    this.#store[Symbol.dispose]();
    const { store, items, problem } = openSpoolStore(this.#dir, this.#clock, this.#random);
    this.#store = store;
    this.#items = items;
    this.#damage = problem ?? 'spool_damaged';
    this.#diskTrouble = undefined;
    this.#offered = new Set();
    this.#gaps.forget();
    this.#acknowledged.clear();
    this.#setAside = items.setAsideCount();
  }

  #hold(body: ItemBody): void {
    if (this.#held.length >= this.#limits.heldItems) {
      this.#held.shift();
      this.#counts.refused += 1;
    }
    this.#held.push(body);
  }

  #flushHeld(): void {
    while (this.#held.length > 0) {
      const [body] = this.#held;
      if (body === undefined || this.#writeWithRoom([body]) === undefined) return;
      this.#held.shift();
    }
  }

  #restoreBallast(): void {
    const now = this.#clock.monotonic();
    if (now - this.#ballastTriedAt < BALLAST_RETRY || this.#damage === 'spool_volatile') return;
    this.#ballastTriedAt = now;
    this.#ballast.restore();
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }
}
