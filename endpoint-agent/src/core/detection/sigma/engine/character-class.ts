import { REGEX_INPUT_LENGTH } from '../regex.ts';

/** The ASCII characters that one position of a regular expression may take; beyond ASCII any is assumed. */
export type AsciiClass = Uint8Array;

/** So many characters of one class in a row. */
export interface ClassRun {
  readonly accepts: AsciiClass;
  readonly length: number;
}

const ASCII = 128;
const LINE_FEED = 10;
/** Largest class that is spelled out. */
const SPELLED_OUT = 4;

export interface ParsedClass {
  readonly accepts: AsciiClass | undefined;
  /** Its characters, if they are few and none is beyond ASCII. */
  readonly characters: readonly string[] | undefined;
  /** Where the expression goes on. */
  readonly end: number;
}

/** `.`, which takes a line feed too under a flag. */
export const ANY_CHARACTER: AsciiClass = new Uint8Array(ASCII).fill(1);

/** Reads `[...]`, `from` being what follows the bracket. Undefined when it does not end. */
export function parseClass(source: string, from: number): ParsedClass | undefined {
  const negated = source[from] === '^';
  let at = negated ? from + 1 : from;
  const accepts = new Uint8Array(ASCII);
  let understood = true;
  let wide = false;
  const first = at;
  for (;;) {
    const character = source[at];
    if (character === undefined) return undefined;
    if (character === ']' && at > first) break;
    if (character === '[' && source[at + 1] === ':') {
      const end = source.indexOf(':]', at + 2);
      if (end < 0) return undefined;
      understood = false;
      at = end + 2;
      continue;
    }
    const escaped = character === '\\';
    const start = escaped ? source[at + 1] : character;
    if (start === undefined) return undefined;
    at += escaped ? 2 : 1;
    const named = escaped ? namedClass(start) : undefined;
    if (named !== undefined) {
      for (let code = 0; code < ASCII; code += 1) accepts[code] = (accepts[code] as number) | (named[code] as number);
      continue;
    }
    if (escaped && /[A-Za-z0-9]/.test(start)) understood = false;
    let last = start;
    if (source[at] === '-' && source[at + 1] !== ']') {
      last = source[at + 1] ?? '';
      at += 2;
      if (last === '\\' || last === '[' || last === '') understood = false;
      if (last === '\\') at += 1;
    }
    if (last.charCodeAt(0) >= ASCII) wide = true;
    for (let code = start.charCodeAt(0); code <= Math.min(last.charCodeAt(0), ASCII - 1); code += 1) accepts[code] = 1;
  }
  const end = at + 1;
  if (!understood) return { accepts: undefined, characters: undefined, end };
  if (negated) return { accepts: complement(accepts), characters: undefined, end };
  return { accepts: withBothCases(accepts), characters: wide ? undefined : spell(accepts), end };
}

/** The class of `\d`, `\w`, `\s` or their negations. */
export function namedClass(letter: string): AsciiClass | undefined {
  switch (letter) {
    case 'd':
      return classOf(/[0-9]/);
    case 'w':
      return classOf(/[0-9A-Za-z_]/);
    case 's':
      return classOf(/[\t\n\f\r ]/);
    case 'D':
      return classOf(/[^0-9]/);
    case 'W':
      return classOf(/[^0-9A-Za-z_]/);
    case 'S':
      return classOf(/[^\t\n\f\r ]/);
    default:
      return undefined;
  }
}

function classOf(expression: RegExp): AsciiClass {
  return Uint8Array.from({ length: ASCII }, (_, code) => (expression.test(String.fromCharCode(code)) ? 1 : 0));
}

function complement(accepts: AsciiClass): AsciiClass {
  return accepts.map((accepted) => 1 - accepted);
}

/** Whether case counts is decided by flags, which may stand anywhere. */
function withBothCases(accepts: AsciiClass): AsciiClass {
  const both = accepts.slice();
  for (let lower = 0x61; lower <= 0x7a; lower += 1) {
    const either = (accepts[lower] as number) | (accepts[lower - 0x20] as number);
    both[lower] = either;
    both[lower - 0x20] = either;
  }
  return both;
}

function spell(accepts: AsciiClass): readonly string[] | undefined {
  const characters = new Set<string>();
  for (let code = 0; code < ASCII; code += 1) {
    if (accepts[code] === 1) characters.add(String.fromCharCode(code).toLowerCase());
  }
  return characters.size > SPELLED_OUT ? undefined : [...characters];
}

/**
 * Whether the text has such a run; what is not ASCII belongs to any. A run covers one of every `length`
 * characters, so that most of the text need not be looked at.
 */
export function hasRun(text: string, { accepts, length }: ClassRun): boolean {
  let at = length - 1;
  while (at < text.length) {
    if (!isAccepted(accepts, text, at)) {
      at += length;
      continue;
    }
    let start = at;
    while (start > 0 && start > at - length + 1 && isAccepted(accepts, text, start - 1)) start -= 1;
    let end = at + 1;
    while (end - start < length && end < text.length && isAccepted(accepts, text, end)) end += 1;
    if (end - start >= length) return true;
    at = end + length;
  }
  return false;
}

function isAccepted(accepts: AsciiClass, text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= ASCII || accepts[code] === 1;
}

/** Whether so many ASCII characters stand in a row without a line feed, within what regular expressions look at. */
export function hasAsciiLine(text: string, length: number): boolean {
  let found = 0;
  const end = Math.min(text.length, REGEX_INPUT_LENGTH);
  for (let at = 0; at < end && found < length; at += 1) {
    const code = text.charCodeAt(at);
    found = code >= ASCII || code === LINE_FEED ? 0 : found + 1;
  }
  return found >= length;
}
