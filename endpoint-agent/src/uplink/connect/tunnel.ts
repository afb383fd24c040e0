import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { hostOf } from './proxy.ts';

/** The proxy answered, but not with a tunnel; `status` is its HTTP status. */
export class ProxyRefusedError extends Error {
  readonly code = 'proxy_failed';
  readonly status: number;
  constructor(proxy: URL, status: number) {
    super(`the proxy ${proxy.host} answered ${status}${status === 407 ? ' (it wants a user and password)' : ''}`);
    this.status = status;
  }
}

/** Bytes of a proxy's answer that are read before it is given up. */
const ANSWER_LIMIT = 16_384;

/**
 * Opens a TCP connection to `host:port`, through `proxy` by HTTP CONNECT (RFC 9110, 9.3.6) when there is
 * one. Written here because the usual agent keeps the socket of a proxy that never answers for ever; this
 * one ends with the signal, whatever state it is in. Rejects with `ProxyRefusedError` or the system's error.
 */
export async function openTunnel(
  host: string,
  port: number,
  proxy: URL | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  const socket = proxy === undefined ? connectTcp({ host, port, noDelay: true }) : connectProxy(proxy);
  const abort = (): void => void socket.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  signal.addEventListener('abort', abort);
  try {
    await once(socket, proxy?.protocol === 'https:' ? 'secureConnect' : 'connect');
    if (proxy !== undefined)
      await establish(socket, proxy, host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function connectProxy(proxy: URL): Socket {
  const host = hostOf(proxy);
  const secure = proxy.protocol === 'https:';
  const port = Number(proxy.port) || (secure ? 443 : 80);
  return secure ? connectTls({ host, port, servername: host }) : connectTcp({ host, port, noDelay: true });
}

async function establish(socket: Socket, proxy: URL, authority: string): Promise<void> {
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const authorization =
    credentials === ':' ? '' : `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`);
  const answer = await readAnswer(socket);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);
  if (status < 200 || status > 299) throw new ProxyRefusedError(proxy, status);
}

/** Reads up to the empty line and gives back what belongs to the tunnel already. */
async function readAnswer(socket: Socket): Promise<string> {
  let answer = Buffer.alloc(0);
  for (;;) {
    const chunk: unknown = socket.read();
    if (!(chunk instanceof Buffer)) {
      await once(socket, 'readable');
      if (socket.readableEnded || socket.destroyed) throw connectionEnded();
      continue;
    }
    answer = Buffer.concat([answer, chunk]);
    const end = answer.indexOf('\r\n\r\n');
    if (end >= 0) {
      const rest = answer.subarray(end + 4);
      if (rest.length > 0) socket.unshift(rest);
      return answer.subarray(0, end).toString('latin1');
    }
    if (answer.length > ANSWER_LIMIT) throw connectionEnded();
  }
}

function connectionEnded(): Error {
  return Object.assign(new Error('the connection ended before the tunnel stood'), { code: 'ECONNRESET' });
}

/** Like `events.once`, but a socket that closes without an error is an error too. */
async function once(socket: Socket, event: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const finish = (error?: Error): void => {
      socket.off(event, onEvent).off('error', finish).off('close', onClose).off('end', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onEvent = (): void => finish();
    const onClose = (): void => finish(connectionEnded());
    socket.on(event, onEvent).on('error', finish).on('close', onClose).on('end', onClose);
  });
}
