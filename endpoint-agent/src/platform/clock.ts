/** Time as the agent's parts see it; injected, so that tests and the simulation own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump either way. */
  now(): number;
  /** Milliseconds since an arbitrary point. Never jumps; may stand still while the machine sleeps. */
  monotonic(): number;
  /** Runs `task` once after `milliseconds`; the returned function cancels it and is safe to call twice. */
  after(milliseconds: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (milliseconds, task) => {
    const timer = setTimeout(task, milliseconds);
    return () => clearTimeout(timer);
  },
};
