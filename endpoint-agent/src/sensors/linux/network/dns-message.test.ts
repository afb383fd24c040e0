import { expect, test } from 'vitest';
import { readDnsQuestion } from './dns-message.ts';

function query(labels: readonly (string | Buffer)[], type = 1, flags = 0x0100): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(0xbeef, 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  const name = labels.flatMap((label) => {
    const bytes = Buffer.from(label);
    return [Buffer.from([bytes.length]), bytes];
  });
  const end = Buffer.alloc(5);
  end.writeUInt16BE(type, 1);
  end.writeUInt16BE(1, 3);
  return Buffer.concat([header, ...name, end]);
}

test.each([
  [query(['www', 'example', 'jp']), { id: 0xbeef, name: 'www.example.jp', type: 'A' }],
  [query(['example', 'jp'], 28), { id: 0xbeef, name: 'example.jp', type: 'AAAA' }],
  [query(['x'], 999), { id: 0xbeef, name: 'x', type: 'TYPE999' }],
  [query([], 2), { id: 0xbeef, name: '.', type: 'NS' }],
  [query([Buffer.from([0x61, 0x2e, 0x00, 0xff, 0x5c])]), { id: 0xbeef, name: 'a\\.\\000\\255\\\\', type: 'A' }],
])('a question %#', (message, question) => expect(readDnsQuestion(message)).toEqual(question));

test('responses, other operations and what is cut short or bent are no queries', () => {
  expect(readDnsQuestion(query(['a'], 1, 0x8180))).toBeUndefined();
  expect(readDnsQuestion(query(['a'], 1, 0x2800))).toBeUndefined();
  const whole = query(['www', 'example', 'jp']);
  for (let length = 0; length < whole.length; length += 1) {
    // The class at the very end is not read.
    const read = readDnsQuestion(whole.subarray(0, length));
    if (length < whole.length - 2) expect(read).toBeUndefined();
  }
  expect(readDnsQuestion(query([Buffer.alloc(63, 0x61)]))).toBeDefined();
  const pointer = Buffer.from(whole);
  pointer[12] = 0xc0;
  expect(readDnsQuestion(pointer)).toBeUndefined();
  expect(readDnsQuestion(query(Array.from({ length: 100 }, () => 'abcd')))).toBeUndefined();
});

test('ten thousand random messages are read in no time and without an exception', () => {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  };
  let questions = 0;
  for (let round = 0; round < 10_000; round += 1) {
    const bytes = Buffer.from(Array.from({ length: random() % 64 }, () => random() & 0xff));
    if (bytes.length > 6) bytes.writeUInt32BE(0x0001_0001, 2);
    const question = readDnsQuestion(bytes);
    if (question) questions += 1;
    if (question && question.name.length > 1_100) throw new Error(`a name of ${question.name.length} characters`);
  }
  expect(questions).toBeGreaterThan(10);
});
