import type { OracleFields } from './sigma-oracle.ts';

/** Reproducible random numbers (mulberry32). */
export interface Random {
  next(): number;
  below(limit: number): number;
  pick<T>(choices: readonly T[]): T;
  chance(probability: number): boolean;
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    pick: <T>(choices: readonly T[]): T => choices[below(choices.length)] as T,
    chance: (probability) => next() < probability,
  };
}

const FIELDS = ['Image', 'CommandLine', 'ParentImage', 'User', 'Port', 'Ip', 'UtcTime', '__proto__'];
/** Few and overlapping, so that values meet; with what is hard: case beyond ASCII, pairs, lone surrogates. */
const PIECES = [
  'cmd',
  'CMD',
  '.exe',
  '\\',
  '\\\\',
  '-',
  '/',
  '–',
  '―',
  ' ',
  'a',
  'B',
  'ab',
  'é',
  'É',
  'İ',
  'i',
  'Σ',
  'ς',
  'σ',
  'ſ',
  's',
  '😀',
  'powershell',
  'System32',
  '1',
  '0',
  'enc',
  '.',
  '"',
  "'",
  '\n',
];
/** Only in events: a rule with half a surrogate pair is rejected. */
const EVENT_PIECES = [...PIECES, '\ud83d', '\ude00'];
const ASCII = ['cmd', 'a', 'b', 'ab', 'IEX', ' ', '-x', '/c', 'é'];
const TIMES = [
  '2026-01-01',
  '2025-12-31T23:59:10Z',
  '2024-02-29 06:30:00.123',
  '2026-13-01',
  1_700_000_000,
  1_735_689_599_000,
];
const ADDRESSES = [
  '10.0.0.1',
  '10.1.2.3',
  '192.168.0.7',
  '::1',
  'fe80::1',
  '2001:db8::5',
  '::ffff:10.0.0.1',
  '10.0.0',
  'x',
];
const NETWORKS = [
  '10.0.0.0/8',
  '10.0.0.0/15',
  '192.168.0.0/30',
  '::/0',
  'fe80::/10',
  '2001:db8::/127',
  '10.0.0.1',
  '0.0.0.0/0',
];
const REGEXES = [
  'powershell.*enc',
  '(?i:SYSTEM32)',
  'cmd(\\.exe)?-?',
  '(system32|powershell|cmd\\.exe).?',
  'po(wer|wers)hell+',
  '[^-]enc\\\\?',
  '(cmd){2}',
  'x?(abab|\\.exe)+$',
  'cmd',
  '^a',
  'b$',
  'c.d',
  '[a-c]+',
  '(cmd|ab)\\.exe',
  'a{1,2}b',
  '\\s',
  'a?b*',
  '^$',
  '[^a]',
];

function text(random: Random, most: number): string {
  let value = '';
  for (let i = random.below(most + 1); i > 0; i -= 1) value += random.pick(EVENT_PIECES);
  return value;
}

function pattern(random: Random, most: number): string {
  let value = '';
  for (let i = random.below(most + 1); i > 0; i -= 1) {
    value += random.chance(0.25)
      ? random.pick(['*', '?', '\\*', '\\?', '\\\\*', '**', '\\\\\\*'])
      : random.pick(PIECES);
  }
  return value;
}

export function randomFields(random: Random): OracleFields {
  const entries: [string, string | number | boolean | null][] = [];
  for (const field of FIELDS) {
    if (random.chance(0.25)) continue;
    entries.push([field, fieldValue(random, field)]);
  }
  // `Object.fromEntries` makes `__proto__` an own property.
  return Object.fromEntries(entries);
}

function fieldValue(random: Random, field: string): string | number | boolean | null {
  if (random.chance(0.06)) return random.pick([null, true, false, '', 'true', '0x1', '1e0', '-0', 5]);
  if (field === 'Port') return random.pick([0, 1, 2, 443, '443', '0x1bb', '2.0', -1]);
  if (field === 'Ip') return random.pick(ADDRESSES);
  if (field === 'UtcTime') return random.pick(TIMES);
  if (random.chance(0.1)) return Buffer.from(random.pick(ASCII) + random.pick(ASCII)).toString('base64');
  if (random.chance(0.1)) return Buffer.from(random.pick(ASCII), 'utf16le').toString(random.pick(['latin1', 'base64']));
  return text(random, 6);
}

type Value = string | number | boolean | null;

function item(random: Random): [string, Value | Value[]] {
  const field = random.pick(FIELDS);
  const kind = random.below(22);
  const negated = random.chance(0.1) ? '|neq' : '';
  if (kind === 0) return [`${field}|exists`, random.chance(0.5)];
  if (kind === 1) return [field, null];
  if (kind === 2)
    return [`Port|${random.pick(['lt', 'lte', 'gt', 'gte'])}${negated}`, random.pick([0, 1, 2, 443, 1.5])];
  if (kind === 3) return [`Port${negated}`, values(random, () => random.pick([0, 1, 443, '443', '*4*']))];
  if (kind === 4) return [`Ip|cidr${negated}`, values(random, () => random.pick(NETWORKS))];
  if (kind === 5) {
    const part = random.pick(['minute', 'hour', 'day', 'week', 'month', 'year']);
    const compare = random.pick(['', '|gte', '|lt']);
    return [`UtcTime|${part}${compare}`, random.pick([0, 1, 6, 12, 23, 29, 30, 31, 52, 59, 2025, 2026])];
  }
  if (kind === 6) {
    const flags = ['i', 'm', 's'].filter(() => random.chance(0.3)).map((flag) => `|${flag}`);
    return [`${field}|re${flags.join('')}${negated}`, values(random, () => random.pick(REGEXES))];
  }
  if (kind === 7) {
    const mode = random.pick(['', '|startswith', '|endswith', '|contains', '|cased']);
    return [`${field}|fieldref${mode}${negated}`, random.pick(FIELDS)];
  }
  if (kind === 8) {
    const wide = random.pick(['', '|wide', '|utf16le', '|utf16be', '|utf16']);
    const encoding = random.pick(['|base64', '|base64offset']);
    return [`${field}${wide}${encoding}|contains`, values(random, () => random.pick(ASCII))];
  }
  if (kind === 9) return [`${field}|${random.pick(['wide', 'utf16be', 'utf16'])}|contains`, random.pick(ASCII)];
  if (kind === 10)
    return [`${field}|windash|contains${random.chance(0.3) ? '|all' : ''}`, values(random, () => pattern(random, 3))];
  if (kind === 11) return ['', random.pick(PIECES)];
  if (kind === 12) return ['|all', [random.pick(PIECES), random.pick(PIECES)]];
  if (kind === 13) return [field, random.chance(0.5)];
  const modifiers = random.pick([
    '',
    '|contains',
    '|contains|all',
    '|startswith',
    '|endswith',
    '|cased',
    '|contains|cased',
    '|endswith|windash',
  ]);
  return [`${field}${modifiers}${negated}`, values(random, () => pattern(random, random.pick([1, 2, 4])))];
}

function values(random: Random, value: () => Value): Value | Value[] {
  const count = random.pick([1, 1, 1, 2, 3, 6]);
  return count === 1 ? value() : Array.from({ length: count }, value);
}

function map(random: Random): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: random.pick([1, 1, 2, 3]) }, () => item(random)));
}

function search(random: Random): unknown {
  const kind = random.below(10);
  if (kind === 0) return [random.pick(PIECES), random.pick(PIECES)];
  if (kind === 1) return [map(random), map(random)];
  if (kind === 2) return [map(random), random.pick(PIECES)];
  return map(random);
}

function condition(random: Random, names: readonly string[], depth: number): string {
  const kind = depth > 3 ? 0 : random.below(8);
  const inner = (): string => condition(random, names, depth + 1);
  if (kind === 1) return `${inner()} and ${inner()}`;
  if (kind === 2) return `${inner()} or ${inner()}`;
  if (kind === 3) return `not ${inner()}`;
  if (kind === 4) return `(${inner()})`;
  if (kind === 5) {
    const starts = [...new Set(names.map((name) => `${name.slice(0, 4)}*`)), 'them', '*1'];
    const fitting = starts.filter((start) => hasNames(start, names));
    return fitting.length === 0 ? random.pick(names) : `${random.pick(['1', 'all'])} of ${random.pick(fitting)}`;
  }
  return random.pick(names);
}

function hasNames(pattern: string, names: readonly string[]): boolean {
  if (pattern === 'them') return names.some((name) => !name.startsWith('_'));
  if (pattern === '*1') return names.some((name) => !name.startsWith('_') && name.endsWith('1'));
  return true;
}

/** A valid rule as a plain object; `id` names it. */
export function randomRule(random: Random, id: string) {
  const pool = ['sel_1', 'sel_2', 'filter_1', '_hidden', 'keywords'];
  const names = pool.filter(() => random.chance(0.5));
  if (names.length === 0) names.push('sel_1');
  const identifiers = Object.fromEntries(names.map((name) => [name, search(random)]));
  const conditions = Array.from({ length: random.chance(0.1) ? 2 : 1 }, () => condition(random, names, 0));
  return {
    title: `Generated ${id}`,
    id,
    logsource: random.pick([
      { product: 'windows', category: 'process_creation' },
      { category: 'process_creation' },
      { product: 'windows' },
    ]),
    detection: { ...identifiers, condition: conditions.length === 1 ? (conditions[0] as string) : conditions },
  };
}
