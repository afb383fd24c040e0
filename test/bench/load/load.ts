import { setTimeout as pause } from 'node:timers/promises';

/** The part of the run that is made, marked and counted together. */
export interface Window {
  readonly index: number;
  readonly seconds: number;
  /** Stands in everything that is made in this window, and nowhere else. */
  readonly mark: string;
}

/** One kind of work that the agent must see. */
export interface Load {
  /** Makes its work for the length of the window; resolves to how many events of each kind it made. */
  run(window: Window): Promise<Readonly<Record<string, number>>>;
}

const STEP_MS = 100;

/**
 * Calls `act` with 0, 1, 2 ... at the rate for the seconds. Where the machine cannot keep up it makes fewer
 * rather than go on longer. Resolves to how many it made.
 */
export async function paced(
  rate: number,
  seconds: number,
  act: (index: number) => Promise<void> | void,
): Promise<number> {
  const begin = performance.now();
  const wanted = Math.round(rate * seconds);
  let made = 0;
  while (performance.now() - begin < seconds * 1_000) {
    const due = Math.min(wanted, Math.floor(((performance.now() - begin) / 1_000) * rate));
    for (; made < due && performance.now() - begin < seconds * 1_000; made += 1) await act(made);
    await pause(STEP_MS);
  }
  return made;
}
