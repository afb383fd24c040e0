import { chmodSync, chownSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { z } from 'zod';
import { LineError, readLines } from './lines.ts';
import { type Answer, type ResponseLine, refused, SIGNER_LINE_BYTES, type SignerRefusal } from './messages.ts';

/** Longest path of a Unix socket on Linux, without its final zero. */
const MAX_SOCKET_PATH = 107;

/** The socket cannot be made; the message says what to change. */
export class SocketError extends Error {
  readonly code: 'socket_path_too_long' | 'socket_path_taken' | 'socket_unusable';
  constructor(code: SocketError['code'], message: string) {
    super(message);
    this.name = 'SocketError';
    this.code = code;
  }
}

export interface LineServerOptions<Request extends { readonly id: number }> {
  readonly path: string;
  readonly mode: 0o600 | 0o660;
  /** Group of the socket; without it the process's own. */
  readonly gid?: number;
  readonly schema: z.ZodType<Request>;
  readonly handle: (request: Request) => Promise<Answer<unknown, SignerRefusal>>;
  readonly maxConnections: number;
  /** Told why `handle` threw; the peer is only told `state_unavailable` or `internal`. */
  readonly onFailure: (error: unknown) => void;
}

export interface LineServer extends AsyncDisposable {
  /** Connections that are open now. */
  readonly connections: number;
}

/**
 * Serves one JSON object per line on a Unix socket. Requests of one connection are answered one after
 * another. Rejects with `SocketError`. The caller must be the only owner of the
 * path: a socket that an earlier process left there is removed.
 */
export async function serveLines<Request extends { readonly id: number }>(
  options: LineServerOptions<Request>,
): Promise<LineServer> {
  if (Buffer.byteLength(options.path) > MAX_SOCKET_PATH) {
    throw new SocketError('socket_path_too_long', `a socket's path may have ${MAX_SOCKET_PATH} bytes: ${options.path}`);
  }
  removeOldSocket(options.path);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Errors end the loop in `converse` as well; without a listener they would end the process.
    socket.on('error', () => socket.destroy());
    void converse(socket, options);
  });
  server.maxConnections = options.maxConnections;
  await listen(server, options);
  return {
    get connections() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function listen<Request extends { readonly id: number }>(
  server: Server,
  options: LineServerOptions<Request>,
): Promise<void> {
  // No moment in which the socket is there with more rights than it should have.
  const before = process.umask(0o777);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new SocketError('socket_unusable', `${options.path} cannot be made (${error.code ?? error.message})`)),
      );
      server.listen(options.path, resolve);
    });
  } finally {
    process.umask(before);
  }
  if (options.gid !== undefined && lstatSync(options.path).gid !== options.gid) {
    chownSync(options.path, process.getuid?.() ?? 0, options.gid);
  }
  chmodSync(options.path, options.mode);
}

function removeOldSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new SocketError('socket_path_taken', `${path} is there and is no socket: remove it or choose another path`);
  }
  unlinkSync(path);
}

async function converse<Request extends { readonly id: number }>(
  socket: Socket,
  options: LineServerOptions<Request>,
): Promise<void> {
  try {
    for await (const line of readLines(socket, { maxBytes: SIGNER_LINE_BYTES, incompleteMs: 10_000 })) {
      if (!(await send(socket, await answer(line, options)))) return;
    }
  } catch (error) {
    if (error instanceof LineError && error.code === 'line_too_long') {
      await send(socket, refused('request_too_large', `a request may have ${SIGNER_LINE_BYTES} bytes at most`));
    }
    // Everything else that ends here is the peer's connection going away.
  } finally {
    socket.destroySoon();
  }
}

async function answer<Request extends { readonly id: number }>(
  line: string,
  options: LineServerOptions<Request>,
): Promise<ResponseLine> {
  const request = parse(line, options.schema);
  if (request === undefined) return refused('request_malformed', 'not a request of this socket');
  try {
    return { id: request.id, ...(await options.handle(request)) };
  } catch (error) {
    options.onFailure(error);
    // node:sqlite's errors carry SQLite's result code: a full or broken disk, not a bug.
    if (error instanceof Error && 'errcode' in error) {
      return { id: request.id, ...refused('state_unavailable', "the signer's state cannot be written") };
    }
    return { id: request.id, ...refused('internal', 'the signer failed: see its log') };
  }
}

function parse<Request>(line: string, schema: z.ZodType<Request>): Request | undefined {
  try {
    const result = schema.safeParse(JSON.parse(line));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** Resolves to false once the peer is gone; waits while the peer does not read. */
async function send(socket: Socket, response: ResponseLine): Promise<boolean> {
  if (!socket.writable) return false;
  return await new Promise<boolean>((resolve) => {
    socket.write(`${JSON.stringify(response)}\n`, (error) => resolve(error === undefined || error === null));
  });
}
