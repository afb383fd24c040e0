import type { Socket } from 'node:net';

export type LineFailure = 'line_too_long' | 'line_incomplete';

/** The peer broke the framing; nothing that it sends afterwards can be trusted to begin a line. */
export class LineError extends Error {
  readonly code: LineFailure;
  constructor(code: LineFailure) {
    super(code);
    this.name = 'LineError';
    this.code = code;
  }
}

export interface LineLimits {
  readonly maxBytes: number;
  /** How long the rest of a line that has begun may take. */
  readonly incompleteMs: number;
}

/**
 * The lines of a socket, one at a time: nothing more is read from the socket while the consumer works on a
 * line, so that a fast peer waits instead of filling memory. Ends with the socket; throws `LineError`.
 */
export async function* readLines(socket: Socket, limits: LineLimits): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const settle = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  try {
    // The consumer ends the socket: it may still have an answer to send.
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      let rest: Buffer = chunk;
      for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
        settle();
        pending.push(rest.subarray(0, end));
        if (bytes + end > limits.maxBytes) throw new LineError('line_too_long');
        const line = Buffer.concat(pending).toString('utf8');
        pending = [];
        bytes = 0;
        rest = rest.subarray(end + 1);
        yield line;
      }
      if (rest.length === 0) continue;
      pending.push(rest);
      bytes += rest.length;
      if (bytes > limits.maxBytes) throw new LineError('line_too_long');
      timer ??= setTimeout(() => socket.destroy(new LineError('line_incomplete')), limits.incompleteMs).unref();
    }
  } finally {
    settle();
  }
}
