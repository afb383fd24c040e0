import { SESSION } from '@yagura/protocol';

/** Bytes of a client's control frame beside its payload: header and mask (RFC 6455, 5.2). */
const CONTROL_FRAME_BYTES = 6;

export type LivenessFinding = 'dead' | 'message_incomplete' | 'ping_due' | 'alive';

export interface LivenessOptions {
  readonly monotonic: () => number;
  /** Bytes that were read from the peer so far, over all frames. */
  readonly bytesRead: () => number;
  /** A message that has begun must be complete after this long. */
  readonly incompleteMessageMs: number;
}

/**
 * Judges by the monotonic clock whether a peer is still there (SPEC UP12), and whether a message that it has
 * begun ever ends: bytes came that belong to no complete frame.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #heardAt: number;
  #pingedAt = Number.NEGATIVE_INFINITY;
  #accountedBytes: number;
  #incompleteSince: number | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#heardAt = options.monotonic();
    this.#accountedBytes = options.bytesRead();
  }

  onMessage(): void {
    this.#heardAt = this.#options.monotonic();
    this.#accountedBytes = this.#options.bytesRead();
    this.#incompleteSince = undefined;
  }

  /** Control frames may come between the fragments of a message; they do not complete it. */
  onControlFrame(payloadBytes: number): void {
    this.#heardAt = this.#options.monotonic();
    this.#accountedBytes += payloadBytes + CONTROL_FRAME_BYTES;
  }

  /** `reading` is false while we have stopped reading: then nothing can be complete. */
  judge(reading: boolean): LivenessFinding {
    const now = this.#options.monotonic();
    if (!reading) {
      this.#heardAt = now;
      this.#incompleteSince = undefined;
      return 'alive';
    }
    const silence = now - this.#heardAt;
    if (silence > SESSION.deadPeerTimeout) return 'dead';
    if (this.#options.bytesRead() <= this.#accountedBytes) this.#incompleteSince = undefined;
    else this.#incompleteSince ??= now;
    if (this.#incompleteSince !== undefined && now - this.#incompleteSince > this.#options.incompleteMessageMs) {
      return 'message_incomplete';
    }
    if (silence <= SESSION.pingInterval || now - this.#pingedAt <= SESSION.pingInterval) return 'alive';
    this.#pingedAt = now;
    return 'ping_due';
  }
}
