import { FairShare } from '../../../platform/fairness/fair-share.ts';
import type { Observation } from '../../sensor.ts';
import type { ExecutedImage } from '../audit/observations.ts';
import type { HashTicket } from './image-hasher.ts';
import type { SourceName, SourceSink } from './source.ts';

export interface OutboxLimits {
  /** Observations of one source that wait here or that the main thread has not dealt with. */
  readonly maxWaiting: number;
  /** Characters of their strings. */
  readonly maxChars: number;
  /** Longest wait of an observation for its hash, in milliseconds. */
  readonly maxHashWaitMs: number;
  /** Observations per message to the main thread. */
  readonly batch: number;
  /** Observations that the main thread has before it: what else it has to do waits for them. */
  readonly maxInFlight: number;
}

export const OUTBOX_LIMITS: OutboxLimits = {
  maxWaiting: 1_024,
  maxChars: 8 * 1024 * 1024,
  maxHashWaitMs: 100,
  batch: 256,
  maxInFlight: 512,
};

/** One observation on its way to the main thread. */
export interface Parcel {
  readonly source: SourceName;
  readonly observation: Observation;
}

/** What one observation takes of its source's room, until the main thread has dealt with it. */
interface Claim {
  readonly source: SourceName;
  readonly user: string | undefined;
  readonly chars: number;
}

interface Waiting extends Claim {
  readonly observation: Observation;
  readonly ticket?: HashTicket;
  readonly since: number;
}

/** What one source holds. */
interface Room {
  count: number;
  chars: number;
  leftOut: number;
  readonly shares: FairShare;
}

/**
 * Keeps observations in the order of their arrival until the main thread takes them. A process start waits
 * for its image's hash, briefly, and what came after it waits behind it. A source whose room is full does not read:
 * the kernel's own buffer then holds what comes, and counts what it drops. When that one runs full as well, the
 * source reads on, and asks for each observation whether its user has had his share. One source's flood takes
 * nothing of another's room.
 */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #hash: (image: ExecutedImage, user: string | undefined) => HashTicket;
  readonly #monotonic: () => number;
  readonly #rooms = new Map<SourceName, Room>();
  #queue: Waiting[] = [];
  #head = 0;
  /** In the order in which they were sent, which is that of the answers. */
  readonly #sent: (readonly Claim[])[] = [];
  #inFlight = 0;

  constructor(
    hash: (image: ExecutedImage, user: string | undefined) => HashTicket,
    monotonic: () => number,
    limits = OUTBOX_LIMITS,
  ) {
    this.#hash = hash;
    this.#monotonic = monotonic;
    this.#limits = limits;
  }

  /** Observations of a source that were left out, since one user had too many of them. */
  leftOut(source: SourceName): number {
    return this.#roomOf(source).leftOut;
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Whether a source's room is full; without a name, whether any one's is. */
  isFull(source?: SourceName): boolean {
    const { maxWaiting, maxChars } = this.#limits;
    const rooms = source === undefined ? [...this.#rooms.values()] : [this.#roomOf(source)];
    return rooms.some(({ count, chars }) => count >= maxWaiting || chars > maxChars);
  }

  /** Whether something of this user's may still come when the source's room is full. */
  hasRoomFor(source: SourceName, user: string): boolean {
    return this.#roomOf(source).shares.allows(user, this.#monotonic());
  }

  sinkOf(source: SourceName): SourceSink {
    const isFull = (): boolean => this.isFull(source);
    return {
      push: (from, observation, image) => this.push(from, observation, image),
      get full() {
        return isFull();
      },
    };
  }

  push(source: SourceName, observation: Observation, image?: ExecutedImage): void {
    const now = this.#monotonic();
    const user = userOf(observation);
    const room = this.#roomOf(source);
    if (this.isFull(source) && !room.shares.allows(user, now)) {
      room.leftOut += 1;
      return;
    }
    const ticket = image && this.#hash(image, user);
    const chars = charsOf(observation);
    room.count += 1;
    room.chars += chars;
    room.shares.take(user, this.#unitsOf(chars), now);
    this.#queue.push({ source, user, chars, observation, since: now, ...(ticket ? { ticket } : {}) });
  }

  /**
   * The next observations that are ready, at most one batch; empty when the first still waits for its hash, or the main thread
   * has enough before it.
   */
  take(maxInFlight = this.#limits.maxInFlight): Parcel[] {
    const parcels: Parcel[] = [];
    const claims: Claim[] = [];
    if (this.#inFlight >= maxInFlight) return parcels;
    while (this.#head < this.#queue.length && parcels.length < this.#limits.batch) {
      const next = this.#queue[this.#head];
      if (!next || !this.#isReady(next)) break;
      this.#head += 1;
      const { source, user, chars, observation, ticket } = next;
      claims.push({ source, user, chars });
      parcels.push({ source, observation: withHash(observation, ticket?.sha256) });
    }
    this.#compact();
    if (claims.length > 0) this.#sent.push(claims);
    this.#inFlight += claims.length;
    return parcels;
  }

  /** The main thread has dealt with the batch that was taken first of those it has not dealt with. */
  acknowledge(): void {
    const claims = this.#sent.shift() ?? [];
    this.#inFlight -= claims.length;
    for (const { source, user, chars } of claims) {
      const room = this.#roomOf(source);
      room.count -= 1;
      room.chars -= chars;
      room.shares.release(user, this.#unitsOf(chars));
    }
  }

  /** So many long ones as fill the room are as much as so many short ones. */
  #unitsOf(chars: number): number {
    return 1 + (chars * this.#limits.maxWaiting) / this.#limits.maxChars;
  }

  #roomOf(source: SourceName): Room {
    const known = this.#rooms.get(source);
    if (known) return known;
    const room: Room = { count: 0, chars: 0, leftOut: 0, shares: new FairShare(this.#limits.maxWaiting) };
    this.#rooms.set(source, room);
    return room;
  }

  #isReady({ ticket, since }: Waiting): boolean {
    return !ticket || ticket.settled || this.#monotonic() - since >= this.#limits.maxHashWaitMs;
  }

  #compact(): void {
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 4_096) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

function userOf({ fields }: Observation): string | undefined {
  const user = fields['User'];
  return typeof user === 'string' ? user : undefined;
}

function withHash(observation: Observation, sha256: string | undefined): Observation {
  if (sha256 === undefined) return observation;
  return { ...observation, fields: { ...observation.fields, sha256, Hashes: `SHA256=${sha256}` } };
}

function charsOf({ fields, records }: Observation): number {
  let chars = textIn(fields);
  for (const record of records?.fields ?? []) chars += textIn(record);
  return chars;
}

function textIn(fields: Observation['fields']): number {
  let chars = 64;
  for (const value of Object.values(fields)) if (typeof value === 'string') chars += value.length;
  return chars;
}
