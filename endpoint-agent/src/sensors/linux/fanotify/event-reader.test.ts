import { expect, test } from 'vitest';
import { EVENT } from '../native/fanotify.ts';
import { type RawFileEvent, readEvents } from './event-reader.ts';

function info(type: number, handle: string, name?: string): Buffer {
  const bytes = Buffer.from(handle);
  const tail = name === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from(name), Buffer.alloc(1)]);
  const size = Math.ceil((20 + bytes.length + tail.length) / 4) * 4;
  const record = Buffer.alloc(size);
  record.writeUInt8(type, 0);
  record.writeUInt16LE(size, 2);
  record.write('FSIDFSID', 4);
  record.writeUInt32LE(bytes.length, 12);
  record.writeInt32LE(1, 16);
  bytes.copy(record, 20);
  tail.copy(record, 20 + bytes.length);
  return record;
}

function event(mask: number, pid: number, ...records: Buffer[]): Buffer {
  const body = Buffer.concat(records);
  const head = Buffer.alloc(24);
  head.writeUInt32LE(24 + body.length, 0);
  head.writeUInt16LE(24, 6);
  head.writeBigUInt64LE(BigInt(mask), 8);
  head.writeInt32LE(-1, 16);
  head.writeInt32LE(pid, 20);
  return Buffer.concat([head, body]);
}

function read(bytes: Buffer, length = bytes.length): RawFileEvent[] {
  const events: RawFileEvent[] = [];
  readEvents(bytes, length, (one) => events.push(one));
  return events;
}

test('several events in one buffer, with names of every length', () => {
  const names = ['a', 'ab', 'abc', 'abcd', 'ファイル'];
  const bytes = Buffer.concat(
    names.map((name, pid) => event(EVENT.CREATE, pid + 1, info(2, 'dir', name), info(1, 'own'))),
  );
  const events = read(bytes);
  expect(events.map(({ entry }) => entry?.name.toString())).toEqual(names);
  expect(events.map(({ pid }) => pid)).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(events.map(({ entry }) => entry?.directoryKey)).size).toBe(1);
  expect(events[0]?.targetKey).not.toBe(events[0]?.entry?.directoryKey);
  expect(events[0]?.entry?.fsid.toString()).toBe('FSIDFSID');
  expect(events[0]?.entry?.handle).toEqual(info(2, 'dir').subarray(12, 23));
});

test('a rename has both names', () => {
  const [renamed] = read(event(EVENT.RENAME, 9, info(10, 'from', 'old'), info(12, 'to', 'new')));
  expect([renamed?.entry?.name.toString(), renamed?.renamedTo?.name.toString()]).toEqual(['old', 'new']);
});

test('a change of attributes has a name; the count of links that every removal changes has none and is passed over', () => {
  const bytes = Buffer.concat([
    event(EVENT.ATTRIB, 1, info(1, 'own')),
    event(EVENT.ATTRIB, 2, info(2, 'dir', 'name'), info(1, 'own')),
    event(EVENT.ATTRIB | EVENT.ONDIR, 3, info(2, 'dir', '.')),
  ]);
  expect(read(bytes).map(({ pid, entry }) => [pid, entry?.name.toString()])).toEqual([
    [2, 'name'],
    [3, '.'],
  ]);
});

test('an overflow carries nothing else', () => {
  expect(read(event(EVENT.OVERFLOW, 0))).toEqual([{ mask: EVENT.OVERFLOW, pid: 0 }]);
});

test('a key that a handle makes is the same for the target and for the directory it becomes', () => {
  const [made] = read(event(EVENT.CREATE | EVENT.ONDIR, 1, info(2, 'parent', 'sub'), info(1, 'subdir')));
  const [inside] = read(event(EVENT.CREATE, 1, info(2, 'subdir', 'file')));
  expect(inside?.entry?.directoryKey).toBe(made?.targetKey);
});

test('no buffer, however cut or wrong, reads beyond itself or hangs', () => {
  const whole = Buffer.concat([
    event(EVENT.CREATE, 1, info(2, 'dir', 'name')),
    event(EVENT.DELETE, 2, info(2, 'd', 'n')),
  ]);
  for (let length = 0; length <= whole.length; length += 1) expect(read(whole, length).length).toBeLessThanOrEqual(2);
  let state = 1;
  for (let round = 0; round < 5_000; round += 1) {
    const bytes = Buffer.from(whole);
    for (let change = 0; change < 3; change += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bytes[(state >>> 8) % bytes.length] = state >>> 24;
    }
    for (const { entry } of read(bytes)) expect(entry?.name.length ?? 0).toBeLessThanOrEqual(bytes.length);
  }
});
