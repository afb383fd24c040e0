import type { Observation } from '../../sensor.ts';
import type { ExecutedImage } from '../audit/observations.ts';
import { FairShare } from './fair-share.ts';
import type { HashTicket } from './image-hasher.ts';
import type { SourceName, SourceSink } from './source.ts';

export interface OutboxLimits {
  /** Observations waiting here or not yet acknowledged by the main thread. */
  readonly maxWaiting: number;
  /** Characters of their strings. */
  readonly maxChars: number;
  /** Longest wait of an observation for its hash, in milliseconds. */
  readonly maxHashWaitMs: number;
  /** Observations per message to the main thread. */
  readonly batch: number;
}

export const OUTBOX_LIMITS: OutboxLimits = {
  maxWaiting: 8_192,
  maxChars: 16 * 1024 * 1024,
  maxHashWaitMs: 100,
  batch: 512,
};

/** One observation on its way to the main thread. */
export interface Parcel {
  readonly source: SourceName;
  readonly observation: Observation;
}

interface Waiting extends Parcel {
  readonly ticket?: HashTicket;
  readonly since: number;
  readonly chars: number;
}

/**
 * Keeps observations in the order of their arrival until the main thread takes them. A process start waits
 * for its image's hash, briefly, and what came after it waits behind it. While it is `full` no source reads:
 * the kernel's own buffers then hold what comes, and count what they drop.
 */
export class Outbox implements SourceSink {
  readonly #limits: OutboxLimits;
  readonly #hash: (image: ExecutedImage) => HashTicket;
  readonly #monotonic: () => number;
  #queue: Waiting[] = [];
  #head = 0;
  #chars = 0;
  readonly #shares: FairShare;
  readonly #leftOut = new Map<SourceName, number>();
  #inFlight = 0;
  #inFlightChars = 0;

  constructor(hash: (image: ExecutedImage) => HashTicket, monotonic: () => number, limits = OUTBOX_LIMITS) {
    this.#hash = hash;
    this.#monotonic = monotonic;
    this.#limits = limits;
    this.#shares = new FairShare(limits.maxWaiting);
  }

  /** Observations of a source that were left out, since one user had too many of them. */
  leftOut(source: SourceName): number {
    return this.#leftOut.get(source) ?? 0;
  }

  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  get full(): boolean {
    return (
      this.waiting + this.#inFlight >= this.#limits.maxWaiting ||
      this.#chars + this.#inFlightChars > this.#limits.maxChars
    );
  }

  push(source: SourceName, observation: Observation, image?: ExecutedImage): void {
    const now = this.#monotonic();
    if (!this.#shares.admit(userOf(observation), this.waiting + this.#inFlight, now)) {
      this.#leftOut.set(source, this.leftOut(source) + 1);
      return;
    }
    const ticket = image && this.#hash(image);
    const chars = charsOf(observation);
    this.#chars += chars;
    this.#queue.push({ source, observation, since: now, chars, ...(ticket ? { ticket } : {}) });
  }

  /** The next observations that are ready, at most one batch; empty when the first still waits for its hash. */
  take(): { readonly parcels: Parcel[]; readonly chars: number } {
    const parcels: Parcel[] = [];
    let chars = 0;
    while (this.#head < this.#queue.length && parcels.length < this.#limits.batch) {
      const next = this.#queue[this.#head];
      if (!next || !this.#isReady(next)) break;
      this.#head += 1;
      chars += next.chars;
      this.#shares.release(userOf(next.observation));
      parcels.push({ source: next.source, observation: withHash(next.observation, next.ticket?.sha256) });
    }
    this.#compact();
    this.#chars -= chars;
    this.#inFlight += parcels.length;
    this.#inFlightChars += chars;
    return { parcels, chars };
  }

  /** The main thread has dealt with this many. */
  acknowledge(count: number, chars: number): void {
    this.#inFlight = Math.max(0, this.#inFlight - count);
    this.#inFlightChars = Math.max(0, this.#inFlightChars - chars);
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

function charsOf({ fields }: Observation): number {
  let chars = 64;
  for (const value of Object.values(fields)) if (typeof value === 'string') chars += value.length;
  return chars;
}
