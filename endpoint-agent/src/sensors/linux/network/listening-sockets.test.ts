import { expect, test } from 'vitest';
import { ListeningSockets } from './listening-sockets.ts';
import type { WaitingSocket } from './socket-diag.ts';

const socket = (protocol: 'tcp' | 'udp', port: number, ip = '0.0.0.0'): WaitingSocket => ({
  protocol,
  ip,
  port,
  inode: port,
});

test('what waited before is no event; what begins and ceases is one', () => {
  const sockets = new ListeningSockets([32_768, 60_999]);
  expect(sockets.compare([socket('tcp', 22)])).toEqual([]);
  expect(sockets.compare([socket('tcp', 22), socket('tcp', 4_444), socket('udp', 69)])).toEqual([
    { kind: 'socket_listening', socket: socket('tcp', 4_444) },
    { kind: 'socket_listening', socket: socket('udp', 69) },
  ]);
  expect(sockets.compare([socket('tcp', 4_444), socket('udp', 69)])).toEqual([
    { kind: 'socket_closed', socket: socket('tcp', 22) },
  ]);
});

test('a datagram socket on a port for a moment is nobody’s service', () => {
  const sockets = new ListeningSockets([32_768, 60_999]);
  sockets.compare([]);
  expect(sockets.compare([socket('udp', 40_000), socket('udp', 0)])).toEqual([]);
  expect(sockets.compare([socket('udp', 61_000), socket('tcp', 40_000)])).toHaveLength(2);
});

test('what audit told already is not told again, its end is', () => {
  const sockets = new ListeningSockets([32_768, 60_999]);
  sockets.compare([]);
  sockets.noteTold('tcp', '0.0.0.0', 8_080);
  expect(sockets.compare([socket('tcp', 8_080)])).toEqual([]);
  expect(sockets.compare([])).toMatchObject([{ kind: 'socket_closed' }]);
  expect(sockets.compare([socket('tcp', 8_080)])).toMatchObject([{ kind: 'socket_listening' }]);
});
