import { expect, test } from 'vitest';
import { decodeConnectorMessage, decodeExitStatus, listenMessage } from './connector-message.ts';

/** nlmsghdr, cn_msg and struct proc_event with these ids from offset 52. */
function message(what: number, ...ids: number[]): Buffer {
  const bytes = Buffer.alloc(76);
  bytes.writeUInt32LE(what, 36);
  bytes.writeBigUInt64LE(1_234_567_891n, 44);
  ids.forEach((id, index) => bytes.writeUInt32LE(id, 52 + index * 4));
  return bytes;
}

test('a fork names both processes', () => {
  expect(decodeConnectorMessage(message(1, 10, 10, 20, 20))).toEqual({
    kind: 'fork',
    pid: 20,
    parentPid: 10,
    monotonicMs: 1_234.567,
  });
});

test('an exit carries the status that wait would give', () => {
  expect(decodeConnectorMessage(message(0x80000000, 20, 20, 42 << 8, 17, 10, 10))).toMatchObject({
    kind: 'exit',
    pid: 20,
    status: 42 << 8,
  });
});

test.each([
  ['a new thread', message(1, 10, 10, 21, 10)],
  ['the end of a thread', message(0x80000000, 21, 20, 0, 17, 10, 10)],
  ['an exec, which audit tells better', message(2, 20, 20)],
  ['the acknowledgement', message(0)],
  ['a cut message', message(1, 10, 10, 20, 20).subarray(0, 60)],
  ['nothing', Buffer.alloc(0)],
])('%s is none of ours', (_, bytes) => {
  expect(decodeConnectorMessage(bytes)).toBeUndefined();
});

test.each([
  [0, { exitCode: 0 }],
  [3 << 8, { exitCode: 3 }],
  [9, { exitCode: 137, signal: 9 }],
  [11 | 0x80, { exitCode: 139, signal: 11 }],
])('status %i', (status, meaning) => {
  expect(decodeExitStatus(status)).toEqual(meaning);
});

test('the subscription is as the kernel wants it', () => {
  const bytes = listenMessage();
  expect([bytes.length, bytes.readUInt32LE(0), bytes.readUInt32LE(16), bytes.readUInt32LE(20)]).toEqual([40, 40, 1, 1]);
  expect([bytes.readUInt16LE(32), bytes.readUInt32LE(36)]).toEqual([4, 1]);
});
