import { describe, expect, test } from 'vitest';
import { ArgumentVector, isAmbiguousJoined } from './arguments.ts';
import { decimal, hexadecimal, parseFields, parseHead, stringBytes } from './record.ts';

describe('one record', () => {
  test('the head gives time and serial', () => {
    expect(parseHead('audit(1795551447.398:4711): pid=1')).toEqual({
      time: 1_795_551_447_398,
      serial: 4_711,
      bodyAt: 28,
    });
  });

  test.each(['', 'audit(', 'audit(x.1:2): a=1', 'audit(1.2:3): a=1', 'AUDIT(1795551447.398:1): a=1', '\0\0\0'])(
    'what is none is refused: %j',
    (text) => {
      expect(parseHead(text)).toBeUndefined();
    },
  );

  test('fields are taken as they stand, and the first of two equal names wins', () => {
    const fields = parseFields('arch=c000003e syscall=59 comm="ls" pid=7 key=(null) pid=8 stray =x exe="/bin/ls"\n', 0);
    expect(Object.fromEntries(fields)).toEqual({
      arch: 'c000003e',
      syscall: '59',
      comm: '"ls"',
      pid: '7',
      key: '(null)',
      exe: '"/bin/ls"',
    });
  });

  test.each([
    ['"/bin/ls"', '/bin/ls'],
    ['2F746D702F6120622E7368', '/tmp/a b.sh'],
    ['""', ''],
  ])('a string %s', (raw, text) => {
    expect(stringBytes(raw)?.toString()).toBe(text);
  });

  test.each(['(null)', '(none)', '', 'ABC', 'xyz', undefined])('no string: %s', (raw) => {
    expect(stringBytes(raw)).toBeUndefined();
  });

  test('numbers that are none are absent', () => {
    expect([decimal('-13'), decimal('12x'), decimal(undefined), decimal('9'.repeat(16))]).toEqual([
      -13,
      undefined,
      undefined,
      undefined,
    ]);
    expect([hexadecimal('c000003e'), hexadecimal('g'), hexadecimal('')]).toEqual([0xc000003e, undefined, undefined]);
  });
});

describe('the argument vector', () => {
  const vectorOf = (...records: string[]) => {
    const vector = new ArgumentVector();
    for (const record of records) vector.add(record, 0);
    return vector;
  };

  test('quoted, hexadecimal and empty arguments', () => {
    const vector = vectorOf('argc=4 a0="sh" a1="-c" a2=6563686F20E697A5E69CAC a3=""');
    expect(vector.complete).toBe(true);
    expect(vector.values()).toEqual(['sh', '-c', 'echo 日本', '']);
  });

  test('one argument over several records, in any order of records', () => {
    const head = 'argc=3 a0="cat" a1_len=12 a1[0]="abcd"';
    const rest = ['a1[1]="efgh"', 'a1[2]="ijkl" a2="end"'];
    for (const order of [
      [head, ...rest],
      [...rest, head],
      [rest[1] ?? '', head, rest[0] ?? ''],
    ]) {
      const vector = vectorOf(...order);
      expect(vector.complete).toBe(true);
      expect(vector.values()).toEqual(['cat', 'abcdefghijkl', 'end']);
    }
  });

  test('a character cut between two parts is whole again', () => {
    const bytes = Buffer.from('日本').toString('hex').toUpperCase();
    const vector = vectorOf(`argc=1 a0_len=${bytes.length} a0[0]=${bytes.slice(0, 8)}`, `a0[1]=${bytes.slice(8)}`);
    expect(vector.complete).toBe(true);
    expect(vector.values()).toEqual(['日本']);
  });

  test.each([
    ['an argument is missing', 'argc=2 a0="a"'],
    ['a part is missing', 'argc=1 a0_len=8 a0[0]="abcd"'],
    ['the first part is missing', 'argc=1 a0_len=8 a0[1]="abcdefgh"'],
    ['the count is missing', 'a0="a"'],
  ])('%s: it is not complete', (_, record) => {
    expect(vectorOf(record).complete).toBe(false);
  });

  test('what exceeds 2 MiB is cut, and the vector is done', () => {
    const vector = new ArgumentVector();
    for (let part = 0; part < 400; part += 1) {
      vector.add(`${part === 0 ? 'argc=1 a0_len=3000000 ' : ''}a0[${part}]="${'x'.repeat(7_500)}"`, 0);
    }
    expect(vector.complete).toBe(true);
    expect(vector.values()[0]?.length).toBeLessThanOrEqual(2 * 1024 * 1024);
  });

  test('indices beyond reason add nothing', () => {
    expect(vectorOf('argc=1 a0="a" a99999999="b" a-1="c" a1x="d" __proto__="e"').values()).toEqual(['a']);
  });

  test('only a vector that the joined form does not tell is ambiguous', () => {
    expect(isAmbiguousJoined(['ls', '-l'])).toBe(false);
    expect(isAmbiguousJoined(['ls', 'a b'])).toBe(true);
    expect(isAmbiguousJoined(['ls', ''])).toBe(true);
  });
});
