/** How long a worker may stand still, in monotonic milliseconds. */
const SILENT_AFTER_MS = 10_000;
/** Until its first beat: on a busy or slow machine loading alone takes many seconds. */
const STARTING_WITHIN_MS = 60_000;

/** Tells from a counter that a worker raises whether it stands still. Pure; monotonic milliseconds. */
export class Heartbeat {
  #beat = 0;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  /** Gives the worker its whole time anew: whoever looks stood still as well, or something was done about it. */
  forgive(now: number): void {
    this.#at = now;
  }

  /** For how long it has stood still when that is too long; undefined while all is well. */
  silentFor(beat: number, now: number): number | undefined {
    if (beat !== this.#beat) {
      this.#beat = beat;
      this.#at = now;
    }
    const patience = this.#beat === 0 ? STARTING_WITHIN_MS : SILENT_AFTER_MS;
    return now - this.#at > patience ? now - this.#at : undefined;
  }
}
