import { createWriteStream, existsSync, renameSync, statSync, type WriteStream } from 'node:fs';

export interface LogLimits {
  /** Of one file; there are two: the present one and, under the same name with `.1`, the one before. */
  readonly bytes: number;
  /** What may wait for a slow disk. */
  readonly waitingBytes: number;
}

const LOG_LIMITS: LogLimits = { bytes: 10_000_000, waitingBytes: 1_000_000 };

/**
 * A process's log. It never grows beyond two files, also while it is written, and never holds up or ends who writes
 * it: what a full or slow disk does not take is left out, and said once there is room again.
 */
export class RotatingLog {
  readonly #file: string;
  readonly #limits: LogLimits;
  #stream: WriteStream;
  #bytes: number;
  #leftOut = 0;

  constructor(file: string, limits = LOG_LIMITS) {
    this.#file = file;
    this.#limits = limits;
    this.#bytes = existsSync(file) ? statSync(file).size : 0;
    if (this.#bytes > limits.bytes) this.#bytes = this.#setAside() ? 0 : this.#bytes;
    this.#stream = this.#open();
  }

  write(chunk: Buffer): void {
    if (this.#stream.writableLength > this.#limits.waitingBytes) {
      this.#leftOut += chunk.length;
      return;
    }
    if (this.#bytes > 0 && this.#bytes + chunk.length > this.#limits.bytes) this.#rotate();
    if (this.#leftOut > 0) {
      const note = `${JSON.stringify({ code: 'log_left_out', bytes: this.#leftOut, msg: 'the disk was too slow' })}\n`;
      this.#leftOut = 0;
      this.#append(Buffer.from(note));
    }
    this.#append(chunk);
  }

  /** Resolves when what was written so far is in the file, or could not be. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.once('close', () => resolve());
      this.#stream.end();
    });
  }

  #append(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#stream.write(chunk);
  }

  #rotate(): void {
    // What still waits goes to the file that it was meant for, whatever its name.
    if (!this.#setAside()) return;
    this.#stream.end();
    this.#stream = this.#open();
    this.#bytes = 0;
  }

  #setAside(): boolean {
    try {
      renameSync(this.#file, `${this.#file}.1`);
      return true;
    } catch {
      return false; // Taken away, or the folder is read-only: it is tried again with the next line.
    }
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#file, { flags: 'a', mode: 0o600 });
    // A full disk must not end the launcher; the processes themselves report it.
    stream.on('error', () => undefined);
    return stream;
  }
}
