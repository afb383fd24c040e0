/** Milliseconds since the Unix epoch. Injected everywhere so that tests own time. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
