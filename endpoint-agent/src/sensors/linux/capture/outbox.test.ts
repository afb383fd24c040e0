import { expect, test } from 'vitest';
import type { Observation } from '../../sensor.ts';
import { DelayLine } from './delay-line.ts';
import type { HashTicket } from './image-hasher.ts';
import { Outbox } from './outbox.ts';

const seen = (name: string, user?: string): Observation => ({
  logsource: { product: 'linux', category: 'process_creation' },
  time: 1,
  fields: { Image: name, ...(user === undefined ? {} : { User: user }) },
});
const image = { pid: 1, path: '/x', inodes: [], executedAt: 1 };
const LIMITS = { maxWaiting: 10, maxChars: 1_000, maxHashWaitMs: 100, batch: 4, maxInFlight: 100 };

function outbox(ticket: { settled: boolean; sha256?: string } = { settled: true }, limits = LIMITS) {
  let now = 0;
  const box = new Outbox(
    (): HashTicket => ticket,
    () => now,
    limits,
  );
  const names = () => box.take().map(({ observation }) => observation.fields['Image']);
  return { box, names, pass: (ms: number) => (now += ms) };
}

test('what comes after a start waits behind it until its hash is there', () => {
  const ticket: { settled: boolean; sha256?: string } = { settled: false };
  const { box, names } = outbox(ticket);
  box.push('linux-audit', seen('first'));
  box.push('linux-audit', seen('hashed'), image);
  box.push('linux-files', seen('after'));
  expect(names()).toEqual(['first']);
  expect(names()).toEqual([]);
  Object.assign(ticket, { settled: true, sha256: 'ab'.repeat(32) });
  const parcels = box.take();
  expect(parcels.map(({ source }) => source)).toEqual(['linux-audit', 'linux-files']);
  expect(parcels[0]?.observation.fields).toEqual({
    Image: 'hashed',
    sha256: 'ab'.repeat(32),
    Hashes: `SHA256=${'ab'.repeat(32)}`,
  });
});

test('a hash that takes too long is done without', () => {
  const { box, names, pass } = outbox({ settled: false });
  box.push('linux-audit', seen('slow'), image);
  pass(99);
  expect(names()).toEqual([]);
  pass(1);
  expect(names()).toEqual(['slow']);
});

test('it is full by count, also by what the main thread has not dealt with', () => {
  const { box, names } = outbox();
  for (let index = 0; index < 10; index += 1) box.push('linux-audit', seen(String(index)));
  expect(box.isFull()).toBe(true);
  expect([names(), names(), names()].flat()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  expect(box.isFull()).toBe(true);
  box.acknowledge();
  expect(box.isFull()).toBe(false);
});

test('it is full by the length of its strings', () => {
  const { box } = outbox();
  box.push('linux-audit', seen('x'.repeat(2_000)));
  expect(box.isFull()).toBe(true);
  expect(box.take()).toHaveLength(1);
  expect(box.isFull()).toBe(true);
  box.acknowledge();
  expect(box.isFull()).toBe(false);
});

test('full of one user, it has room for another, also while the main thread has not answered', () => {
  const { box, names } = outbox();
  for (let index = 0; index < 10; index += 1) box.push('linux-audit', seen(String(index), 'flood'));
  names();
  names();
  expect([box.isFull(), box.hasRoomFor('linux-audit', 'flood'), box.hasRoomFor('linux-audit', 'other')]).toEqual([
    true,
    false,
    true,
  ]);
  box.push('linux-audit', seen('refused', 'flood'));
  box.push('linux-audit', seen('told', 'other'));
  expect(box.leftOut('linux-audit')).toBe(1);
  expect([names(), names()].flat()).toEqual(['8', '9', 'told']);
  for (let batch = 0; batch < 3; batch += 1) box.acknowledge();
  expect([box.isFull(), box.hasRoomFor('linux-audit', 'flood')]).toEqual([false, true]);
});

test('the main thread is given no more than it can deal with soon', () => {
  const { box, names } = outbox({ settled: true }, { ...LIMITS, maxInFlight: 5 });
  for (let index = 0; index < 10; index += 1) box.push('linux-audit', seen(String(index)));
  expect([names().length, names().length, names().length]).toEqual([4, 4, 0]);
  box.acknowledge();
  expect(names()).toEqual(['8', '9']);
});

test('the flood of one source takes nothing of the room of another', () => {
  const { box } = outbox();
  for (let index = 0; index < 10; index += 1) box.push('linux-files', seen(String(index)));
  expect([box.sinkOf('linux-files').full, box.sinkOf('linux-audit').full, box.isFull()]).toEqual([true, false, true]);
});

test('the delay line keeps the order and the time', () => {
  let now = 0;
  const out: number[] = [];
  const line = new DelayLine<number>(
    15,
    () => now,
    (item) => out.push(item),
  );
  for (let item = 0; item < 10; item += 1) {
    line.add(item);
    now += 1;
  }
  line.flush();
  expect(out).toEqual([]);
  now = 17;
  line.flush();
  expect(out).toEqual([0, 1, 2]);
  line.drain();
  expect(out).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(line.size).toBe(0);
});

test('raw records count as what they are: text that waits', () => {
  const { box } = outbox();
  const records = { service: 'auditd', fields: [{ type: 'EXECVE', a0: 'x'.repeat(2_000) }] };
  box.push('linux-audit', { ...seen('with'), records });
  expect(box.isFull('linux-audit')).toBe(true);
});
