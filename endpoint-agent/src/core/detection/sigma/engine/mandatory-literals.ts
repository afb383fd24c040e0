import { foldCase } from '../case-folding.ts';
import type { PatternPart } from '../rule-ast.ts';
import { ANY_CHARACTER, type AsciiClass, type ClassRun, namedClass, parseClass } from './character-class.ts';

/** What every match of a regular expression must have. */
export interface RegexRequirement {
  /** Folded texts of which at least one must occur; undefined when nothing is certain. */
  readonly literals: readonly string[] | undefined;
  /** Characters (code points) of the shortest match. */
  readonly length: number;
  /** A run that must occur; undefined when nothing is certain. */
  readonly run: ClassRun | undefined;
  /** The expression is nothing but `.{N,}`: each line of N characters matches. */
  readonly line: number | undefined;
}

const ALTERNATIVES = 32;
const PATTERN_LITERALS = 4;
/** Most texts of an expression that are spelled out. */
const SPELLED_OUT = 12;
const NESTING = 50;

/** The literals of a pattern, all of which must occur, the longest first; no more than a few. */
export function mandatoryOfPattern(parts: readonly PatternPart[]): readonly string[] {
  const literals = new Set(parts.flatMap((part) => (typeof part === 'object' ? part.literal : [])));
  return [...literals].toSorted((a, b) => b.length - a.length).slice(0, PATTERN_LITERALS);
}

/**
 * What must be in a text that a regular expression matches. Errs on the side of knowing nothing: an expression
 * that is not understood contributes nothing.
 */
export function requirementOfRegex(source: string): RegexRequirement {
  const parser: Parser = { source, position: 0, depth: 0 };
  const found = parseAlternatives(parser);
  if (found === undefined || parser.position < source.length) {
    return { literals: undefined, length: 0, run: undefined, line: undefined };
  }
  const line = /^\.\{(\d{1,4}),\}$/.exec(source)?.[1];
  return {
    literals: found.best,
    length: found.length,
    run: found.run,
    line: line === undefined ? undefined : Number(line),
  };
}

interface Parser {
  readonly source: string;
  position: number;
  depth: number;
}

/** What is certain of a part of an expression. Texts are folded. */
interface Certain {
  /** The best set of texts of which one must occur. */
  readonly best: readonly string[] | undefined;
  /** All texts that it matches, if they are few. */
  readonly exact: readonly string[] | undefined;
  /** Characters of its shortest match. */
  readonly length: number;
  readonly run: ClassRun | undefined;
  /** It is one character of this class. */
  readonly accepts?: AsciiClass | undefined;
}
const EMPTY: Certain = { best: undefined, exact: [''], length: 0, run: undefined };

function oneOf(accepts: AsciiClass | undefined, characters?: readonly string[]): Certain {
  return { best: undefined, exact: characters, length: 1, run: undefined, accepts };
}

function character(text: string): Certain {
  return { best: undefined, exact: [foldCase(text)], length: 1, run: undefined };
}

function parseAlternatives(parser: Parser): Certain | undefined {
  const branches: Certain[] = [];
  for (;;) {
    const branch = parseSequence(parser);
    if (branch === undefined) return undefined;
    branches.push(branch);
    if (parser.source[parser.position] !== '|') break;
    parser.position += 1;
  }
  const [only] = branches;
  if (branches.length === 1 && only !== undefined) return only;
  const length = Math.min(...branches.map((branch) => branch.length));
  return {
    best: union(
      branches.map(({ best }) => best),
      ALTERNATIVES,
    ),
    exact: union(
      branches.map(({ exact }) => exact),
      SPELLED_OUT,
    ),
    length,
    run: undefined,
  };
}

function union(sets: readonly (readonly string[] | undefined)[], most: number): readonly string[] | undefined {
  const all = new Set<string>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const text of set) all.add(text);
  }
  return all.size > most ? undefined : [...all];
}

function parseSequence(parser: Parser): Certain | undefined {
  /** The texts that what was read last must be, since the last atom of which that is not known. */
  let tail: readonly string[] = [''];
  let whole = true;
  let length = 0;
  let run: ClassRun | undefined;
  let best: readonly string[] | undefined;
  const consider = (candidate: readonly string[] | undefined): void => {
    const least = candidate?.filter((text) => !candidate.some((part) => part !== text && text.includes(part)));
    if (least !== undefined && worth(least) > worth(best)) best = least;
  };
  for (;;) {
    const atom = parseAtom(parser);
    if (atom === 'end') break;
    const repeat = atom === undefined ? undefined : parseQuantifier(parser);
    if (atom === undefined || repeat === undefined) return undefined;
    length += atom.length * repeat.least;
    run = better(run, repeat.least > 0 ? runOf(atom, repeat.least) : undefined);
    if (repeat.least > 0) consider(atom.best);
    const texts = repeatedTexts(atom.exact, repeat);
    const joined = texts === undefined ? undefined : product(tail, texts);
    if (joined !== undefined) {
      tail = joined;
      continue;
    }
    consider(tail);
    whole = false;
    // What stands once may begin the next text; what may be repeated is only certain by itself.
    if (texts === undefined && repeat.least > 0) consider(atom.exact);
    tail = texts ?? [''];
  }
  consider(tail);
  return { best, exact: whole ? tail : undefined, length, run };
}

/** The texts of an atom and its quantifier, if they are few. */
function repeatedTexts(exact: readonly string[] | undefined, repeat: Repeat): readonly string[] | undefined {
  if (exact === undefined || repeat.kind === 'many') return undefined;
  return repeat.kind === 'once' ? exact : union([[''], exact], SPELLED_OUT);
}

function product(left: readonly string[], right: readonly string[]): readonly string[] | undefined {
  if (left.length * right.length > SPELLED_OUT) return undefined;
  return [...new Set(left.flatMap((before) => right.map((after) => before + after)))];
}

/** How telling a set of texts is; those beyond ASCII tell nothing, since the two engines may fold them differently. */
function worth(candidate: readonly string[] | undefined): number {
  if (candidate === undefined || !candidate.every((text) => /^[\x20-\x7e]*$/.test(text))) return 0;
  return Math.min(...candidate.map((text) => text.length)) - 0.01 * candidate.length;
}

function runOf({ accepts, run }: Certain, least: number): ClassRun | undefined {
  return accepts === undefined || least < 2 ? run : { accepts, length: least };
}

function better(a: ClassRun | undefined, b: ClassRun | undefined): ClassRun | undefined {
  const telling = (run: ClassRun): number => run.length * run.accepts.filter((accepted) => accepted === 0).length;
  if (a === undefined || b === undefined) return a ?? b;
  return telling(b) > telling(a) ? b : a;
}

function parseAtom(parser: Parser): Certain | 'end' | undefined {
  const { source } = parser;
  const next = source[parser.position];
  if (next === undefined || next === '|' || next === ')') return 'end';
  parser.position += 1;
  switch (next) {
    case '(':
      return parseGroup(parser);
    case '[': {
      const parsed = parseClass(source, parser.position);
      if (parsed === undefined) return undefined;
      parser.position = parsed.end;
      return oneOf(parsed.accepts, parsed.characters);
    }
    case '.':
      return oneOf(ANY_CHARACTER);
    case '^':
    case '$':
      return EMPTY;
    case '*':
    case '+':
    case '?':
      return undefined;
    case '\\':
      return parseEscape(parser);
    default:
      return character(next);
  }
}

function parseGroup(parser: Parser): Certain | undefined {
  const { source } = parser;
  if (source[parser.position] === '?') {
    const rest = source.slice(parser.position, parser.position + 80);
    const head = /^\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|[ims]*:|[ims]+\))/.exec(rest);
    if (head === null) return undefined;
    parser.position += head[0].length;
    // Flags for the rest of the group match the empty text, and folding makes them harmless; but a quantifier
    // after them is one of what stands before.
    if (head[0].endsWith(')')) return /[*+?{]/.test(source[parser.position] ?? '') ? undefined : EMPTY;
  }
  parser.depth += 1;
  if (parser.depth > NESTING) return undefined;
  const inner = parseAlternatives(parser);
  parser.depth -= 1;
  if (inner === undefined || source[parser.position] !== ')') return undefined;
  parser.position += 1;
  return inner;
}

function parseEscape(parser: Parser): Certain | undefined {
  const escaped = parser.source[parser.position];
  if (escaped === undefined) return undefined;
  parser.position += 1;
  // Punctuation stands for itself; of letters and digits only the simple ones are known.
  if (!/[A-Za-z0-9]/.test(escaped)) return character(escaped);
  const named = namedClass(escaped);
  if (named !== undefined) return oneOf(named);
  if ('ntrfv'.includes(escaped)) return oneOf(undefined);
  return 'bBAz'.includes(escaped) ? EMPTY : undefined;
}

interface Repeat {
  readonly least: number;
  /** `once`: its neighbours are adjacent to it. */
  readonly kind: 'once' | 'optional' | 'many';
}
const ONCE: Repeat = { least: 1, kind: 'once' };

/** Undefined when it is no quantifier that is understood. */
function parseQuantifier(parser: Parser): Repeat | undefined {
  const { source } = parser;
  const next = source[parser.position];
  let least = 0;
  let kind: Repeat['kind'] = 'many';
  if (next === '*' || next === '?' || next === '+') {
    parser.position += 1;
    least = next === '+' ? 1 : 0;
    if (next === '?') kind = 'optional';
  } else if (next === '{') {
    const counted = /^\{(\d{1,4})(,\d{0,4})?\}/.exec(source.slice(parser.position, parser.position + 12));
    // A brace that is no count is a plain character.
    if (counted === null) return ONCE;
    parser.position += counted[0].length;
    least = Number(counted[1]);
    if (counted[0] === '{1}') kind = 'once';
  } else {
    return ONCE;
  }
  if (source[parser.position] === '?') parser.position += 1;
  return { least, kind };
}
