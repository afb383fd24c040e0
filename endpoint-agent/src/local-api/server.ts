import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { type AgentStatus, LOCAL_REQUEST_LIMIT } from './status.ts';

const MAX_CONNECTIONS = 16;
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Answers `status` on a Unix socket that only the agent's user can open. One line in, one line of JSON out,
 * then the connection closes; anything else is answered with a code and closes too.
 */
export async function serveLocalApi(path: string, status: () => AgentStatus, signal: AbortSignal): Promise<void> {
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(REQUEST_TIMEOUT_MS, () => socket.destroy());
    let line = '';
    socket.on('data', (chunk: Buffer) => {
      line += chunk.toString('utf8');
      if (line.length > LOCAL_REQUEST_LIMIT) socket.end('{"error":{"code":"request_too_large"}}\n');
      else if (line.includes('\n'))
        socket.end(
          line.trim() === 'status' ? `${JSON.stringify(status())}\n` : '{"error":{"code":"request_unknown"}}\n',
        );
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve();
    });
  });
  signal.addEventListener('abort', () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    rmSync(path, { force: true });
  });
}
