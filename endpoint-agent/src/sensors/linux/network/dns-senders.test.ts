import { expect, test } from 'vitest';
import { DnsSenders } from './dns-senders.ts';

test('by the local port, whoever else asked the same server', () => {
  const senders = new DnsSenders();
  senders.note(1, '192.0.2.53', 40_001, 100);
  senders.note(2, '192.0.2.53', undefined, 101);
  senders.note(3, '192.0.2.53', 40_003, 102);
  expect(senders.find('192.0.2.53', 40_003, 105)).toEqual({ pid: 3, by: 'port' });
  expect(senders.find('192.0.2.54', 40_003, 105)).toBeUndefined();
});

test('by the time, when one process only turned to that server', () => {
  const senders = new DnsSenders();
  senders.note(1, '192.0.2.53', undefined, 1_000);
  expect(senders.find('192.0.2.53', 50_000, 1_080)).toEqual({ pid: 1, by: 'time' });
  expect(senders.find('192.0.2.53', 50_000, 1_101)).toBeUndefined();
  senders.note(2, '192.0.2.53', undefined, 1_010);
  // Either of the two: rather nobody than the wrong one.
  expect(senders.find('192.0.2.53', 50_000, 1_050)).toBeUndefined();
});

test('a port that was another one’s long ago names nobody', () => {
  const senders = new DnsSenders();
  senders.note(1, '192.0.2.53', 40_001, 0);
  senders.note(2, '192.0.2.53', 40_002, 11_000);
  expect(senders.find('192.0.2.53', 40_001, 11_000)).toBeUndefined();
  const alone = new DnsSenders();
  alone.note(1, '192.0.2.53', 40_001, 0);
  expect(alone.find('192.0.2.53', 40_001, 11_000)).toBeUndefined();
});

test('within its bound', () => {
  const senders = new DnsSenders();
  for (let port = 0; port < 5_000; port += 1) senders.note(port, '192.0.2.53', port, 0);
  expect(senders.find('192.0.2.53', 0, 0)).toBeUndefined();
  expect(senders.find('192.0.2.53', 4_999, 0)).toEqual({ pid: 4_999, by: 'port' });
});
