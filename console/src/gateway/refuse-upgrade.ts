import type { Duplex } from 'node:stream';

const STATUS_TEXT = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
} as const;

/** Answers a handshake that becomes no WebSocket, in the shape in which this listener reports errors. */
export function refuseUpgrade(socket: Duplex, status: keyof typeof STATUS_TEXT, code: string): void {
  if (socket.destroyed) return;
  const body = JSON.stringify({ error: { code, message: code.replaceAll('_', ' ') } });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
