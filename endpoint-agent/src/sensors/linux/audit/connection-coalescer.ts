import type { Observation } from '../../sensor.ts';

export interface ConnectionLimits {
  /** For how long further ones of the same kind are gathered after one was handed on, in milliseconds. */
  readonly windowMs: number;
  readonly maxKept: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = { windowMs: 5_000, maxKept: 4_096 };

interface Kept {
  readonly until: number;
  last: Observation;
  further: number;
}

/**
 * Hands the first of equal connections on at once (same process, protocol, direction, addresses and service
 * port), and what follows within some seconds as one more with its count: a browser asks for a route to the
 * same server hundreds of times, a resolver sends to the same one all day.
 */
export class ConnectionCoalescer {
  readonly #limits: ConnectionLimits;
  readonly #emit: (observation: Observation) => void;
  /** In the order of their end. */
  readonly #kept = new Map<string, Kept>();

  constructor(emit: (observation: Observation) => void, limits: ConnectionLimits = CONNECTION_LIMITS) {
    this.#emit = emit;
    this.#limits = limits;
  }

  get kept(): number {
    return this.#kept.size;
  }

  add(observation: Observation, now: number): void {
    this.flush(now);
    const key = keyOf(observation);
    const known = this.#kept.get(key);
    if (known) {
      known.further += 1;
      known.last = observation;
      return;
    }
    if (this.#kept.size >= this.#limits.maxKept) this.#end(this.#kept.entries().next().value);
    this.#kept.set(key, { until: now + this.#limits.windowMs, last: observation, further: 0 });
    this.#emit(observation);
  }

  /** Hands on what was gathered long enough. */
  flush(now: number): void {
    for (const entry of this.#kept) {
      if (entry[1].until > now) return;
      this.#end(entry);
    }
  }

  #end(entry: readonly [string, Kept] | undefined): void {
    if (!entry) return;
    const [key, { last, further }] = entry;
    this.#kept.delete(key);
    if (further > 0) this.#emit({ ...last, fields: { ...last.fields, Count: further } });
  }
}

/** The port of the one who began a connection is another one each time, and says nothing. */
function keyOf({ pid, fields }: Observation): string {
  const { Protocol, Initiated, SourceIp, DestinationIp, DestinationPort } = fields;
  return [pid, Protocol, Initiated, Initiated === 'false' ? SourceIp : '', DestinationIp, DestinationPort].join(' ');
}
