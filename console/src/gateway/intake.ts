/** A session's socket, as far as its reading can be stopped. */
export interface Reader {
  pauseReading(): void;
  resumeReading(): void;
}

/**
 * Bounds what waits for its commit over all sessions. When the database is slower than the endpoints, their
 * sockets are no longer read, TCP slows them down, and their spools keep what they have.
 */
export class Intake {
  readonly #maxBytes: number;
  readonly #paused = new Set<Reader>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  get pausedReaders(): number {
    return this.#paused.size;
  }

  /** Counts a batch that was read; above the bound its sender is not read until there is room again. */
  take(bytes: number, reader: Reader): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#maxBytes) return;
    this.#paused.add(reader);
    reader.pauseReading();
  }

  /** Call once for each `take`, when the batch has been answered. */
  release(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes > this.#maxBytes / 2) return;
    for (const reader of this.#paused) reader.resumeReading();
    this.#paused.clear();
  }

  forget(reader: Reader): void {
    this.#paused.delete(reader);
  }
}
