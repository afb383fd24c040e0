import { foldCase } from '../case-folding.ts';
import type { PatternPart } from '../rule-ast.ts';

/** What every match of a regular expression must have. */
export interface RegexRequirement {
  /** Folded texts of which at least one must occur; undefined when nothing is certain. */
  readonly literals: readonly string[] | undefined;
  /** Characters (code points) of the shortest match. */
  readonly length: number;
}

const ALTERNATIVES = 32;
const NESTING = 50;

/** The longest literal of a pattern; every literal of a pattern must occur. */
export function mandatoryOfPattern(parts: readonly PatternPart[]): string | undefined {
  let longest: string | undefined;
  for (const part of parts) {
    if (typeof part === 'object' && part.literal.length > (longest?.length ?? 0)) longest = part.literal;
  }
  return longest;
}

/**
 * What must be in a text that a regular expression matches. Errs on the side of knowing nothing: an expression
 * that is not understood contributes nothing.
 */
export function requirementOfRegex(source: string): RegexRequirement {
  const parser: Parser = { source, position: 0, depth: 0 };
  const found = parseAlternatives(parser);
  if (found === undefined || parser.position < source.length) return { literals: undefined, length: 0 };
  const folded = found.best?.map((literal) => foldCase(literal));
  // Beyond ASCII the two engines might fold differently.
  const literals = folded?.every((literal) => /^[\x20-\x7e]+$/.test(literal)) === true ? folded : undefined;
  return { literals, length: found.length };
}

interface Parser {
  readonly source: string;
  position: number;
  depth: number;
}

/** What is certain of a part of an expression. */
interface Certain {
  /** The best set of texts of which one must occur. */
  readonly best: readonly string[] | undefined;
  /** Its text, if that is all that it matches. */
  readonly exact: string | undefined;
  /** Characters of its shortest match. */
  readonly length: number;
}
const ONE_CHARACTER: Certain = { best: undefined, exact: undefined, length: 1 };
const EMPTY: Certain = { best: undefined, exact: '', length: 0 };

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
  const literals: string[] = [];
  for (const { best } of branches) {
    if (best === undefined) return { best: undefined, exact: undefined, length };
    literals.push(...best);
  }
  return { best: literals.length > ALTERNATIVES ? undefined : literals, exact: undefined, length };
}

function parseSequence(parser: Parser): Certain | undefined {
  let run = '';
  let length = 0;
  let exact: string | undefined = '';
  let best: readonly string[] | undefined;
  const consider = (candidate: readonly string[] | undefined): void => {
    if (candidate !== undefined && worth(candidate) > worth(best)) best = candidate;
  };
  for (;;) {
    const atom = parseAtom(parser);
    if (atom === 'end') break;
    const repeat = atom === undefined ? undefined : parseQuantifier(parser);
    if (atom === undefined || repeat === undefined) return undefined;
    length += atom.length * repeat.least;
    if (repeat.single && atom.exact !== undefined) {
      run += atom.exact;
      if (exact !== undefined) exact += atom.exact;
      continue;
    }
    consider(run === '' ? undefined : [run]);
    run = '';
    exact = undefined;
    if (repeat.least > 0) consider(atom.best ?? (atom.exact ? [atom.exact] : undefined));
  }
  consider(run === '' ? undefined : [run]);
  return { best, exact, length };
}

function worth(candidate: readonly string[] | undefined): number {
  if (candidate === undefined) return 0;
  return Math.min(...candidate.map((literal) => literal.length)) - 0.01 * candidate.length;
}

function parseAtom(parser: Parser): Certain | 'end' | undefined {
  const { source } = parser;
  const character = source[parser.position];
  if (character === undefined || character === '|' || character === ')') return 'end';
  parser.position += 1;
  switch (character) {
    case '(':
      return parseGroup(parser);
    case '[':
      return parseClass(parser);
    case '.':
      return ONE_CHARACTER;
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
      return { best: undefined, exact: character, length: 1 };
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

function parseClass(parser: Parser): Certain | undefined {
  const { source } = parser;
  if (source[parser.position] === '^') parser.position += 1;
  if (source[parser.position] === ']') parser.position += 1;
  while (parser.position < source.length) {
    const character = source[parser.position];
    if (character === '\\') parser.position += 2;
    else if (character === '[' && source[parser.position + 1] === ':') {
      const end = source.indexOf(':]', parser.position + 2);
      if (end < 0) return undefined;
      parser.position = end + 2;
    } else {
      parser.position += 1;
      if (character === ']') return ONE_CHARACTER;
    }
  }
  return undefined;
}

function parseEscape(parser: Parser): Certain | undefined {
  const character = parser.source[parser.position];
  if (character === undefined) return undefined;
  parser.position += 1;
  // Punctuation stands for itself; of letters and digits only the simple ones are known.
  if (!/[A-Za-z0-9]/.test(character)) return { best: undefined, exact: character, length: 1 };
  if ('dDsSwWntrfv'.includes(character)) return ONE_CHARACTER;
  return 'bBAz'.includes(character) ? EMPTY : undefined;
}

interface Repeat {
  readonly least: number;
  /** Exactly once, so that its neighbours are adjacent to it. */
  readonly single: boolean;
}
const ONCE: Repeat = { least: 1, single: true };

/** Undefined when it is no quantifier that is understood. */
function parseQuantifier(parser: Parser): Repeat | undefined {
  const { source } = parser;
  const character = source[parser.position];
  let least = 0;
  if (character === '*' || character === '?' || character === '+') {
    parser.position += 1;
    least = character === '+' ? 1 : 0;
  } else if (character === '{') {
    const counted = /^\{(\d{1,4})(,\d{0,4})?\}/.exec(source.slice(parser.position, parser.position + 12));
    // A brace that is no count is a plain character.
    if (counted === null) return ONCE;
    parser.position += counted[0].length;
    least = Number(counted[1]);
  } else {
    return ONCE;
  }
  if (source[parser.position] === '?') parser.position += 1;
  return { least, single: false };
}
