import { describe, expect, test } from 'vitest';
import { detects, rejectionOf, ruleText } from '../../../../../test/fakes/sigma-rule.ts';

/** One item of a selection against one value of the field `F`. */
function item(key: string, value: string, content: unknown, more: Record<string, unknown> = {}): boolean {
  return detects(`sel:\n    ${key}: ${value}\ncondition: sel`, { F: content, ...more });
}
function rejects(key: string, value: string): string | undefined {
  return rejectionOf(ruleText(`sel:\n    ${key}: ${value}\ncondition: sel`))?.code;
}

describe('plain values', () => {
  test('compare the whole value and ignore case, also beyond ASCII', () => {
    expect(item('F', "'C:\\Windows\\CMD.exe'", 'c:\\windows\\cmd.EXE')).toBe(true);
    expect(item('F', "'cmd.exe'", 'cmd.exe ')).toBe(false);
    expect(item('F', "'ÉTÉ ΣΑΣ'", 'été σας')).toBe(true);
  });
  test('a number equals its text, in decimal and hexadecimal, and a text equals a number', () => {
    expect(item('F', '4625', 4625)).toBe(true);
    expect(item('F', '4625', '4625')).toBe(true);
    expect(item('F', "'4625'", 4625)).toBe(true);
    expect(item('F', '0x17', '0x17')).toBe(true);
    expect(item('F', '0x17', '23')).toBe(true);
    expect(item('F', '4625', '46250')).toBe(false);
    expect(item('F', '1', true)).toBe(false);
  });
  test('an integer beyond 2^53 is compared as it is written', () => {
    expect(item('F', '9007199254740993', '9007199254740993')).toBe(true);
    expect(item('F', '9007199254740993', '9007199254740992')).toBe(false);
  });
  test('a boolean equals its text', () => {
    expect(item('F', 'true', 'True')).toBe(true);
    expect(item('F', 'false', false)).toBe(true);
    expect(item('F', 'true', 1)).toBe(false);
  });
  test('an empty string is a value; null is the absence of one', () => {
    expect(item('F', "''", '')).toBe(true);
    expect(item('F', 'null', '')).toBe(false);
    expect(item('F', 'null', null)).toBe(true);
    expect(detects('sel:\n    G: null\ncondition: sel', { F: 1 })).toBe(true);
    expect(detects("sel:\n    G: ''\ncondition: sel", { F: 1 })).toBe(false);
  });
});

describe('wildcards and escaping', () => {
  test.each([
    ["'prog?.exe'", 'progA.exe', true],
    ["'prog?.exe'", 'prog.exe', false],
    ["'prog?.exe'", 'prog😀.exe', true],
    ["'anti*.exe'", 'antivirus_V21.2.1.exe', true],
    ["'a*b*c'", 'a-b-b-c', true],
    ["'a*b*c'", 'a-c-b', false],
    ["'*'", '', true],
    // The specification's examples of escaping.
    [String.raw`'\\*'`, '\\anything', true],
    [String.raw`'\\*'`, '*', false],
    [String.raw`'\*'`, '*', true],
    [String.raw`'\*'`, '\\x', false],
    [String.raw`'\?'`, '?', true],
    [String.raw`'\\\*'`, '\\*', true],
    [String.raw`'\\\*'`, '\\x', false],
    [String.raw`'a\b'`, 'a\\b', true],
    [String.raw`'a\\b'`, 'a\\b', true],
    [String.raw`'a\\\\b'`, 'a\\\\b', true],
    [String.raw`'a\\\b'`, 'a\\\\b', true],
    [String.raw`'\'`, '\\', true],
  ])('%s against %j', (value, content, expected) => {
    expect(item('F', value, content)).toBe(expected);
  });
  test('`?` and `*` do not match in place of each other at the ends of a value', () => {
    expect(item('F', "'*a?'", 'xxab')).toBe(true);
    expect(item('F', "'*a?'", 'xxabc')).toBe(false);
    expect(item('F', "'?*?'", 'a')).toBe(false);
    expect(item('F', "'?*?'", '😀b')).toBe(true);
  });
});

describe('contains, startswith, endswith, all, cased, neq, exists', () => {
  test('positions', () => {
    expect(item('F|contains', 'b', 'aBc')).toBe(true);
    expect(item('F|startswith', 'a', 'ABc')).toBe(true);
    expect(item('F|startswith', 'b', 'abc')).toBe(false);
    expect(item('F|endswith', 'c', 'abC')).toBe(true);
    expect(item('F|endswith', 'b', 'abc')).toBe(false);
    expect(item('F|contains', '12', 3124)).toBe(true);
  });
  test('a list is an OR; `all` makes it an AND', () => {
    expect(item('F|contains', '[a, z]', 'abc')).toBe(true);
    expect(item('F|contains|all', '[a, z]', 'abc')).toBe(false);
    expect(item('F|contains|all', '[a, c]', 'abc')).toBe(true);
  });
  test('`cased` heeds case', () => {
    expect(item('F|cased', 'Abc', 'Abc')).toBe(true);
    expect(item('F|cased', 'Abc', 'abc')).toBe(false);
    expect(item('F|contains|cased', 'B', 'abc')).toBe(false);
  });
  test('`neq` holds where none of the values does', () => {
    expect(item('F|neq', '[a, b]', 'c')).toBe(true);
    expect(item('F|neq', '[a, b]', 'B')).toBe(false);
    expect(item('F|neq', '5', '5')).toBe(false);
    expect(item('F|contains|neq', 'b', 'abc')).toBe(false);
    expect(item('F|fieldref|neq', 'G', 'a', { G: 'b' })).toBe(true);
  });
  test('`exists` asks for presence, not for a value', () => {
    expect(item('F|exists', 'true', '')).toBe(true);
    expect(item('F|exists', 'true', null)).toBe(true);
    expect(item('G|exists', 'false', '')).toBe(true);
    expect(item('G|exists', 'true', '')).toBe(false);
    expect(rejects('F|exists', "'yes'")).toBe('invalid_value');
    expect(rejects('F|exists|contains', 'true')).toBe('modifier_conflict');
  });
});

describe('windash', () => {
  test.each(['-', '/', '–', '—', '―'])('takes %s for a dash on either side', (dash) => {
    expect(item('F|windash|contains', "' -enc '", `powershell ${dash}ENC x`)).toBe(true);
    expect(item('F|contains|windash', `' ${dash}enc '`, 'powershell -enc x')).toBe(true);
  });
  test('takes several dashes independently of each other', () => {
    expect(item('F|windash|contains', "'-s -d'", 'tool /s –d')).toBe(true);
    expect(item('F|windash|contains', "'-s -d'", 'tool +s -d')).toBe(false);
  });
  test('is written out before an encoding', () => {
    expect(item('F|windash|base64offset|contains', "'-enc'", Buffer.from('x /enc').toString('base64'))).toBe(true);
  });
});

describe('re', () => {
  test('heeds case, may match anywhere, and takes i, m and s', () => {
    expect(item('F|re', "'b.d'", 'abcd')).toBe(true);
    expect(item('F|re', "'B.D'", 'abcd')).toBe(false);
    expect(item('F|re|i', "'B.D'", 'abcd')).toBe(true);
    expect(item('F|re', "'^b$'", 'a\nb\nc')).toBe(false);
    expect(item('F|re|m', "'^b$'", 'a\nb\nc')).toBe(true);
    expect(item('F|re', "'a.b'", 'a\nb')).toBe(false);
    expect(item('F|re|s', "'a.b'", 'a\nb')).toBe(true);
  });
  test('keeps backslashes as they are written', () => {
    expect(item('F|re', String.raw`'\\Temp\\[0-9]+\.exe$'`, 'C:\\Temp\\12.exe')).toBe(true);
  });
  test('rejects what cannot run in linear time', () => {
    expect(rejects('F|re', "'(?=a)b'")).toBe('regex_unsupported');
    expect(rejects('F|re', String.raw`'(a)\1'`)).toBe('regex_unsupported');
    expect(rejects('F|re', "'(a'")).toBe('regex_unsupported');
    expect(rejects('F|i', 'a')).toBe('modifier_conflict');
    expect(rejects('F|contains|re', 'a')).toBe('modifier_conflict');
  });
});

describe('encodings', () => {
  test('base64', () => {
    expect(item('F|base64', 'foobar', 'Zm9vYmFy')).toBe(true);
    expect(item('F|base64|contains', "'é'", `x${Buffer.from('é').toString('base64')}`)).toBe(true);
    expect(rejects('F|base64', "'a*'")).toBe('modifier_conflict');
  });
  test('base64offset finds the value at each of the three positions', () => {
    for (const before of ['', 'x', 'xy', 'xyz']) {
      const content = Buffer.from(`${before}http://attacker${before}`).toString('base64');
      expect(item('F|base64offset|contains', 'http://attacker', content)).toBe(true);
      expect(item('F|base64offset|contains', 'http://defender', content)).toBe(false);
    }
  });
  test.each([
    ['wide', Buffer.from('cmd', 'utf16le')],
    ['utf16le', Buffer.from('cmd', 'utf16le')],
    ['utf16be', Buffer.from('cmd', 'utf16le').swap16()],
    ['utf16', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('cmd', 'utf16le')])],
  ])('%s, alone and before base64offset', (modifier, bytes) => {
    expect(item(`F|${modifier}`, 'cmd', bytes.toString('latin1'))).toBe(true);
    expect(item(`F|${modifier}|base64offset|contains`, 'cmd', bytes.toString('base64'))).toBe(true);
    expect(item(`F|${modifier}|base64offset|contains`, 'cmd', Buffer.from('cmd').toString('base64'))).toBe(false);
    expect(rejects(`F|${modifier}|wide`, 'cmd')).toBe('modifier_conflict');
  });
});

describe('numbers and times', () => {
  test('lt, lte, gt, gte on numbers and on their text', () => {
    expect(item('F|lt', '10', 9)).toBe(true);
    expect(item('F|lt', '10', '10')).toBe(false);
    expect(item('F|lte', '10', '10')).toBe(true);
    expect(item('F|gt', '-1.5', '-1')).toBe(true);
    expect(item('F|gte', '10', 9.99)).toBe(false);
    expect(item('F|gte', '10', 'ten')).toBe(false);
    expect(rejects('F|gt', "'10'")).toBe('invalid_value');
  });
  test.each([
    ['minute', 7],
    ['hour', 23],
    ['day', 30],
    ['week', 1],
    ['month', 12],
    ['year', 2024],
  ])('%s of a date as it is written', (part, value) => {
    expect(item(`F|${part}`, String(value), '2024-12-30T23:07:10.5+09:00')).toBe(true);
    expect(item(`F|${part}`, String(value + 1), '2024-12-30 23:07:10')).toBe(false);
    expect(item(`F|${part}|gte`, String(value), '2024-12-30 23:07:10')).toBe(true);
    expect(item(`F|${part}|lt`, String(value), '2024-12-30 23:07:10')).toBe(false);
    expect(item(`F|${part}`, String(value), 'no date')).toBe(false);
    expect(rejects(`F|${part}`, 'x')).toBe('invalid_value');
  });
  test('a number is a time in seconds or milliseconds, UTC', () => {
    expect(item('F|hour', '22', 1_700_000_000)).toBe(true);
    expect(item('F|hour', '22', 1_700_000_000_000)).toBe(true);
  });
});

describe('cidr', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.168.1.7', '192.168.1.7', true],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['fe80::/10', 'FEBF::1', true],
    ['fe80::/10', 'fec0::1', false],
    ['::1/128', '0:0:0:0:0:0:0:1', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::/0', '10.0.0.1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['10.0.0.0/8', '10.0.0.1.evil', false],
    ['10.0.0.0/8', 'not an address', false],
  ])('%s and %s', (network, address, expected) => {
    expect(item('F|cidr', `'${network}'`, address)).toBe(expected);
  });
  test.each(['10.0.0.0/33', '10.0.0/8', 'fe80::/129', '1::2::3/8', 'x'])('%s is no network', (network) => {
    expect(rejects('F|cidr', `'${network}'`)).toBe('invalid_value');
  });
});

describe('fieldref', () => {
  test('compares two fields of the event', () => {
    expect(item('F|fieldref', 'G', 'abc', { G: 'ABC' })).toBe(true);
    expect(item('F|fieldref', 'G', 'abc', { G: 'abd' })).toBe(false);
    expect(item('F|fieldref', 'G', 'abc')).toBe(false);
    expect(item('F|fieldref|cased', 'G', 'abc', { G: 'ABC' })).toBe(false);
    expect(item('F|fieldref|startswith', 'G', 'abc', { G: 'AB' })).toBe(true);
    expect(item('F|fieldref|endswith', 'G', 'abc', { G: 'ab' })).toBe(false);
    expect(item('F|fieldref|contains', 'G', 'abc', { G: 'b' })).toBe(true);
    expect(item('F|fieldref', 'G', 5, { G: '5' })).toBe(true);
    expect(item('F|fieldref', 'G', 'Aİς', { G: 'aiσ' })).toBe(true);
    expect(rejects('F|fieldref', "'G*'")).toBe('invalid_value');
  });
});

describe('expand', () => {
  const detection = "sel:\n    F|expand: '%Servers%'\ncondition: sel";
  test('puts in the configured values, which may be patterns', () => {
    const placeholders = new Map([['Servers', ['srv*', 'db1']]]);
    expect(detects(detection, { F: 'SRV17' }, placeholders)).toBe(true);
    expect(detects(detection, { F: 'db1' }, placeholders)).toBe(true);
    expect(detects(detection, { F: 'pc1' }, placeholders)).toBe(false);
    const mixed = String.raw`sel:
    F|contains|expand: '\%plain%Servers%'
condition: sel`;
    expect(detects(mixed, { F: 'x%plaindb1x' }, placeholders)).toBe(true);
  });
  test('without values the rule is rejected', () => {
    expect(rejectionOf(ruleText(detection))).toEqual({ code: 'placeholder_unresolved', line: 8 });
  });
  test('without the modifier a percent sign is one', () => {
    expect(item('F', "'%Servers%'", '%servers%')).toBe(true);
  });
});

test('what is no modifier, or stands twice, is rejected', () => {
  expect(rejects('F|containz', 'a')).toBe('unknown_modifier');
  expect(rejects('F|', 'a')).toBe('unknown_modifier');
  expect(rejects('F|contains|contains', 'a')).toBe('modifier_conflict');
  expect(rejects('F|constructor', 'a')).toBe('unknown_modifier');
  expect(rejects('F|contains', '[a, null]')).toBe('null_in_list');
  expect(rejects('F|contains', 'null')).toBe('modifier_conflict');
  expect(rejects('F', '[]')).toBe('empty_value');
  expect(rejects('F', '{a: b}')).toBe('wrong_type');
  expect(rejects('F', '[[a]]')).toBe('wrong_type');
});
