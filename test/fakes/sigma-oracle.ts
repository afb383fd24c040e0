import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * A second evaluator of Sigma rules, written straight from the specification and for nothing but clarity: no
 * compilation, no index, no shared code with the engine. The property tests hold the engine against it. It
 * reads a rule as the plain object that YAML gives and expects it to be valid.
 */
export type OracleFields = Readonly<Record<string, string | number | boolean | null>>;
export type OracleRule = { readonly detection: Readonly<Record<string, unknown>> };

export function oracleMatches(rule: OracleRule, fields: OracleFields): boolean {
  const { condition, ...identifiers } = rule.detection;
  const conditions = Array.isArray(condition) ? (condition as string[]) : [condition as string];
  return conditions.some((text) => evaluateCondition(text, identifiers, fields));
}

// --- conditions -------------------------------------------------------------------------------------------

/** Dijkstra's shunting yard; `or` binds least, then `and`, then `not`, then `x of`. */
function evaluateCondition(text: string, identifiers: Record<string, unknown>, fields: OracleFields): boolean {
  const binding: Record<string, number> = { or: 1, and: 2, not: 3 };
  const tokens = text.replaceAll('(', ' ( ').replaceAll(')', ' ) ').trim().split(/\s+/);
  const output: boolean[] = [];
  const operators: string[] = [];
  const apply = (): void => {
    const operator = operators.pop();
    if (operator === 'not') output.push(!output.pop());
    else {
      const right = output.pop() === true;
      const left = output.pop() === true;
      output.push(operator === 'and' ? left && right : left || right);
    }
  };
  for (let i = 0; i < tokens.length; i += 1) {
    const token = tokens[i] as string;
    const strength = binding[token];
    if (token === '(') operators.push(token);
    else if (token === ')') {
      while (operators.at(-1) !== '(') apply();
      operators.pop();
    } else if (token === 'not') operators.push(token);
    else if (strength !== undefined) {
      while (operators.length > 0 && (binding[operators.at(-1) as string] ?? 0) >= strength) apply();
      operators.push(token);
    } else if (tokens[i + 1] === 'of') {
      const chosen = namesOf(tokens[i + 2] as string, Object.keys(identifiers));
      const results = chosen.map((name) => evaluateSearch(identifiers[name], fields));
      output.push(token === 'all' ? results.every(Boolean) : results.some(Boolean));
      i += 2;
    } else {
      output.push(evaluateSearch(identifiers[token], fields));
    }
  }
  while (operators.length > 0) apply();
  return output[0] === true;
}

function namesOf(pattern: string, names: readonly string[]): readonly string[] {
  if (pattern === 'them') return names.filter((name) => !name.startsWith('_'));
  const expression = new RegExp(
    `^${pattern
      .split('*')
      .map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );
  return names.filter((name) => expression.test(name) && (pattern.startsWith('_') || !name.startsWith('_')));
}

// --- search identifiers -----------------------------------------------------------------------------------

function evaluateSearch(search: unknown, fields: OracleFields): boolean {
  if (Array.isArray(search)) return search.some((item) => evaluateSearch(item, fields));
  if (typeof search === 'object' && search !== null) {
    return Object.entries(search).every(([key, value]) => evaluateItem(key, value, fields));
  }
  return evaluateItem('', search, fields);
}

function evaluateItem(key: string, value: unknown, fields: OracleFields): boolean {
  const [field = '', ...modifiers] = key.split('|');
  const values: unknown[] = Array.isArray(value) ? value : [value];
  const test = (one: unknown): boolean => evaluateValue(field, modifiers, one, fields);
  const linked = modifiers.includes('all') ? values.every(test) : values.some(test);
  return modifiers.includes('neq') ? !linked : linked;
}

function evaluateValue(field: string, modifiers: readonly string[], value: unknown, fields: OracleFields): boolean {
  if (field === '') {
    const searched = modifiers.includes('re') ? modifiers : [...modifiers, 'contains'];
    return Object.values(fields).some((content) => content !== null && holds(searched, value, content, fields));
  }
  const present = Object.hasOwn(fields, field);
  if (modifiers.includes('exists')) return present === value;
  const content = present ? (fields[field] as string | number | boolean | null) : null;
  if (value === null) return content === null;
  return content !== null && holds(modifiers, value, content, fields);
}

// --- values -----------------------------------------------------------------------------------------------

const TIME_PARTS = new Set(['minute', 'hour', 'day', 'week', 'month', 'year']);
const COMPARISONS = new Set(['lt', 'lte', 'gt', 'gte']);

function holds(
  modifiers: readonly string[],
  value: unknown,
  content: string | number | boolean,
  fields: OracleFields,
): boolean {
  const part = modifiers.find((name) => TIME_PARTS.has(name));
  const comparison = modifiers.find((name) => COMPARISONS.has(name));
  if (part !== undefined) return compares(partOfTime(content, part), comparison ?? 'eq', value as number);
  if (comparison !== undefined) return compares(numberOf(content), comparison, value as number);
  if (modifiers.includes('cidr')) return inNetwork(String(content), value as string);
  if (modifiers.includes('re')) {
    const flags = ['i', 'm', 's'].filter((flag) => modifiers.includes(flag)).join('');
    return new RegExp(value as string, `${flags}u`).test(String(content).toWellFormed());
  }
  if (modifiers.includes('fieldref')) return comparesFields(modifiers, content, fields[value as string]);
  const transforms = modifiers.filter((name) => name !== 'all' && name !== 'neq');
  if (transforms.length === 0 && typeof value === 'number') return numberOf(content) === value;
  return matchesPattern(transforms, String(value), String(content));
}

function compares(left: number | undefined, comparison: string, right: number): boolean {
  if (left === undefined) return false;
  const results: Record<string, boolean> = {
    lt: left < right,
    lte: left <= right,
    gt: left > right,
    gte: left >= right,
    eq: left === right,
  };
  return results[comparison] === true;
}

function numberOf(content: string | number | boolean): number | undefined {
  if (typeof content === 'number') return content;
  if (typeof content !== 'string' || content.trim() !== content || content === '') return undefined;
  if (/^[+-]?0[xob]/i.test(content) && !/^0x[0-9a-f]+$/i.test(content)) return undefined;
  const number = Number(content);
  return Number.isFinite(number) ? number : undefined;
}

function partOfTime(content: string | number | boolean, part: string): number | undefined {
  if (typeof content === 'boolean') return undefined;
  const text = typeof content === 'number' ? epochText(content) : content;
  const digits = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d))?/.exec(text);
  if (digits === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = digits.slice(1).map((piece) => Number(piece ?? 0));
  const date = new Date(`${digits[1]}-${digits[2]}-${digits[3]}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== day || hour > 23 || minute > 59) return undefined;
  return { year, month, day, hour, minute, week: weekOf(date) }[part];
}

function epochText(seconds: number): string {
  const date = new Date(Math.abs(seconds) >= 1e11 ? seconds : seconds * 1000);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** Counts weeks one by one from the Monday of the week that holds 4 January (ISO 8601). */
function weekOf(date: Date): number {
  const day = 86_400_000;
  const mondayOf = (time: number): number => time - ((new Date(time).getUTCDay() + 6) % 7) * day;
  const monday = mondayOf(date.getTime());
  const year = new Date(monday + 3 * day).getUTCFullYear();
  let week = 1;
  for (let start = mondayOf(Date.UTC(year, 0, 4)); start < monday; start += 7 * day) week += 1;
  return week;
}

function inNetwork(content: string, network: string): boolean {
  const [address = '', prefix] = network.split('/');
  const list = new BlockList();
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  list.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
  if (isIPv4(content)) return family === 'ipv4' && list.check(content, 'ipv4');
  return isIPv6(content) && list.check(content, 'ipv6');
}

function comparesFields(
  modifiers: readonly string[],
  content: string | number | boolean,
  other: string | number | boolean | null | undefined,
): boolean {
  if (other === undefined || other === null) return false;
  const fold = (text: string): string => (modifiers.includes('cased') ? text : lower(text).join(''));
  const left = fold(String(content));
  const right = fold(String(other));
  const mode = modifiers.findLast((name) => ['contains', 'startswith', 'endswith'].includes(name));
  if (mode === 'contains') return left.includes(right);
  if (mode === 'startswith') return left.startsWith(right);
  if (mode === 'endswith') return left.endsWith(right);
  return left === right;
}

// --- strings ----------------------------------------------------------------------------------------------

type Token = { readonly text: string } | { readonly wildcard: '*' | '?' };
const DASHES = ['-', '/', '–', '—', '―'];

/** Follows the examples of the specification's section on escaping, character by character. */
function tokens(value: string): Token[] {
  const result: Token[] = [];
  const characters = Array.from(value);
  for (let i = 0; i < characters.length; i += 1) {
    const character = characters[i] as string;
    const next = characters[i + 1];
    if (character === '\\' && next !== undefined && '\\*?'.includes(next)) {
      result.push({ text: next });
      i += 1;
    } else if (character === '*' || character === '?') result.push({ wildcard: character });
    else result.push({ text: character });
  }
  return result;
}

function matchesPattern(modifiers: readonly string[], value: string, content: string): boolean {
  const wide = modifiers.some((name) => WIDE.has(name));
  let alternatives: Token[][] = [tokens(value)];
  for (const modifier of modifiers)
    alternatives = alternatives.flatMap((pattern) => transform(modifier, pattern, wide));
  const cased = modifiers.includes('cased');
  const text = cased ? Array.from(content) : lower(content);
  return alternatives.some((pattern) =>
    fits(
      pattern.flatMap((token): readonly Token[] =>
        'wildcard' in token
          ? [token]
          : (cased ? Array.from(token.text) : lower(token.text)).map((one) => ({ text: one })),
      ),
      text,
    ),
  );
}

function transform(modifier: string, pattern: Token[], wide: boolean): Token[][] {
  const star: Token = { wildcard: '*' };
  switch (modifier) {
    case 'contains':
      return [[star, ...pattern, star]];
    case 'startswith':
      return [[...pattern, star]];
    case 'endswith':
      return [[star, ...pattern]];
    case 'windash':
      return pattern.reduce<Token[][]>(
        (all, token) =>
          'text' in token && DASHES.includes(token.text)
            ? all.flatMap((one) => DASHES.map((text) => one.concat({ text })))
            : all.map((one) => one.concat(token)),
        [[]],
      );
    case 'base64':
    case 'base64offset':
      return base64(modifier, pattern, wide);
    case 'wide':
    case 'utf16le':
    case 'utf16be':
    case 'utf16':
      return [widen(modifier, pattern)];
    default:
      return [pattern];
  }
}

const WIDE = new Set(['wide', 'utf16le', 'utf16be', 'utf16']);

/** From here on every character is a byte. */
function widen(modifier: string, pattern: Token[]): Token[] {
  const wide = pattern.map((token): Token => {
    if ('wildcard' in token) return token;
    const bytes = Buffer.from(token.text, 'utf16le');
    return { text: (modifier === 'utf16be' ? bytes.swap16() : bytes).toString('latin1') };
  });
  const at = wide.findIndex((token) => 'text' in token);
  if (modifier === 'utf16') wide.splice(at < 0 ? wide.length : at, 0, { text: '\u00ff\u00fe' });
  return wide;
}

function base64(modifier: string, pattern: Token[], wide: boolean): Token[][] {
  const text = pattern.map((token) => ('text' in token ? token.text : '')).join('');
  const bytes = Buffer.from(text, wide ? 'latin1' : 'utf8');
  if (modifier === 'base64') return [[{ text: bytes.toString('base64') }]];
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const withoutPadding = encoded.replace(/=+$/, '');
    const incomplete = encoded.length - withoutPadding.length > 0 ? 1 : 0;
    return [{ text: withoutPadding.slice([0, 2, 3][offset], withoutPadding.length - incomplete) }];
  });
}

/** One entry for each character; the dotted capital I, the final sigma and the long s as the engine's documentation says. */
function lower(text: string): string[] {
  return Array.from(text, (character) => {
    if (character === 'İ') return 'i';
    const small = character.toLowerCase();
    if (small === 'ſ') return 's';
    return small === 'ς' ? 'σ' : small;
  });
}

function fits(pattern: readonly Token[], text: readonly string[]): boolean {
  let reachable = new Set([0]);
  for (const token of pattern) {
    const next = new Set<number>();
    for (const position of reachable) {
      if ('wildcard' in token && token.wildcard === '*') {
        for (let end = position; end <= text.length; end += 1) next.add(end);
      } else if (position < text.length && ('wildcard' in token || token.text === text[position])) {
        next.add(position + 1);
      }
    }
    reachable = next;
  }
  return reachable.has(text.length);
}
