import { expect, test } from 'vitest';
import type { Observation } from '../../sensor.ts';
import { ConnectionCoalescer } from './connection-coalescer.ts';

const connection = (fields: Observation['fields'] = {}, pid = 7): Observation => ({
  logsource: { product: 'linux', category: 'network_connection' },
  time: 1,
  pid,
  fields: { DestinationIp: '192.0.2.1', DestinationPort: 53, Protocol: 'udp', Initiated: 'true', ...fields },
});

function start(limits?: ConstructorParameters<typeof ConnectionCoalescer>[1]) {
  const emitted: Observation[] = [];
  return { emitted, coalescer: new ConnectionCoalescer((observation) => emitted.push(observation), limits) };
}

test('the first is handed on at once, the rest as one with its count', () => {
  const { emitted, coalescer } = start();
  for (let at = 0; at < 100; at += 1) coalescer.add(connection({ SourcePort: 40_000 + at }), at);
  expect(emitted).toHaveLength(1);
  coalescer.flush(4_999);
  expect(emitted).toHaveLength(1);
  coalescer.flush(5_000);
  expect(emitted[1]?.fields).toMatchObject({ Count: 99, DestinationPort: 53 });
  coalescer.add(connection(), 5_001);
  expect(emitted).toHaveLength(3);
  coalescer.flush(20_000);
  expect(emitted).toHaveLength(3);
  expect(coalescer.kept).toBe(0);
});

test.each([
  ['process', connection({}, 8)],
  ['address', connection({ DestinationIp: '192.0.2.2' })],
  ['port', connection({ DestinationPort: 54 })],
  ['protocol', connection({ Protocol: 'tcp' })],
  ['direction', connection({ Initiated: 'false', SourceIp: '192.0.2.9' })],
])('another %s is another connection', (_, other) => {
  const { emitted, coalescer } = start();
  coalescer.add(connection(), 0);
  coalescer.add(other, 1);
  expect(emitted).toHaveLength(2);
});

test('taken connections are told apart by their peer, not by its port', () => {
  const { emitted, coalescer } = start();
  const taken = (ip: string, port: number) => connection({ Initiated: 'false', SourceIp: ip, SourcePort: port });
  coalescer.add(taken('198.51.100.1', 1), 0);
  coalescer.add(taken('198.51.100.1', 2), 1);
  coalescer.add(taken('198.51.100.2', 1), 2);
  expect(emitted).toHaveLength(2);
});

test('within its bound the oldest gives way, with its count', () => {
  const { emitted, coalescer } = start({ windowMs: 5_000, maxKept: 2 });
  coalescer.add(connection(), 0);
  coalescer.add(connection(), 1);
  coalescer.add(connection({}, 8), 2);
  coalescer.add(connection({}, 9), 3);
  expect(coalescer.kept).toBe(2);
  expect(emitted.map(({ pid, fields }) => [pid, fields['Count']])).toEqual([
    [7, undefined],
    [8, undefined],
    [7, 1],
    [9, undefined],
  ]);
});
