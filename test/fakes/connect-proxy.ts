import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A small HTTP CONNECT proxy that writes down what it was asked for. */
export interface ConnectProxy extends AsyncDisposable {
  readonly url: string;
  readonly asked: { readonly authority: string; readonly authorization: string | undefined }[];
  /** The first bytes that agents sent through the tunnels. */
  readonly seen: Buffer[];
  /** HTTP status for every CONNECT; 200 by default, `silent` never answers. */
  answer: number | 'silent';
}

export async function startConnectProxy(): Promise<ConnectProxy> {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  const proxy: Omit<ConnectProxy, 'url'> = {
    asked: [],
    seen: [],
    answer: 200,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('connect', (request, client, head) => {
    proxy.asked.push({ authority: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    if (proxy.answer === 'silent') return;
    if (proxy.answer !== 200) return client.end(`HTTP/1.1 ${proxy.answer} No\r\n\r\n`);
    const [host, port] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      client.once('data', (chunk: Buffer) => proxy.seen.push(chunk));
      client.pipe(upstream).pipe(client);
    });
    sockets.add(upstream);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    upstream.on('error', end).on('close', end);
    client.on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(proxy, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
