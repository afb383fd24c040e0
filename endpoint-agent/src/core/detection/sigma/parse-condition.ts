import { combine, type Selections } from './parse-detection.ts';
import type { Problem } from './rejections.ts';
import type { Expression } from './rule-ast.ts';

/** Longest condition, in UTF-16 code units. */
const CONDITION_LENGTH = 8_192;
const NESTING = 64;
const TOKEN = /\s*(?:([()])|([^\s()|]+)|(\|))/y;
const IDENTIFIER = /^[^\s()|]+$/;

interface Parser {
  readonly tokens: readonly string[];
  readonly selections: Selections;
  readonly problem: Problem;
  readonly line: number;
  position: number;
}

/**
 * Parses a condition into an expression over the selections. Binding, loosest first: `or`, `and`, `not`,
 * `x of`. Undefined, with the problem noted, when it is no condition.
 */
export function parseCondition(
  text: string,
  selections: Selections,
  line: number,
  problem: Problem,
): Expression | undefined {
  if (text.length > CONDITION_LENGTH) {
    return problem.reject(line, 'condition_invalid', `longer than ${CONDITION_LENGTH} characters`);
  }
  const tokens = tokenise(text);
  if (tokens === undefined) {
    return problem.reject(
      line,
      'condition_aggregation',
      'aggregations after `|` are no part of Sigma 2; a correlation says the same',
    );
  }
  const parser: Parser = { tokens, selections, problem, line, position: 0 };
  const expression = parseOr(parser, 0);
  if (expression === undefined) return undefined;
  if (parser.position < tokens.length) return unexpected(parser);
  return expression;
}

/** Undefined when there is a pipe. */
function tokenise(text: string): readonly string[] | undefined {
  const tokens: string[] = [];
  const trimmed = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed);
    if (match === null || match[3] !== undefined) return undefined;
    tokens.push(match[1] ?? match[2] ?? '');
  }
  return tokens;
}

function keyword(parser: Parser): string | undefined {
  return parser.tokens[parser.position]?.toLowerCase();
}

function unexpected(parser: Parser): undefined {
  const token = parser.tokens[parser.position];
  return parser.problem.reject(
    parser.line,
    'condition_invalid',
    token === undefined ? 'the condition ends too early' : `unexpected \`${token}\` in the condition`,
  );
}

function parseOr(parser: Parser, depth: number): Expression | undefined {
  return parseChain(parser, depth, 'or', parseAnd);
}

function parseAnd(parser: Parser, depth: number): Expression | undefined {
  return parseChain(parser, depth, 'and', parseNot);
}

function parseChain(
  parser: Parser,
  depth: number,
  kind: 'and' | 'or',
  parseOperand: (parser: Parser, depth: number) => Expression | undefined,
): Expression | undefined {
  const operands: Expression[] = [];
  for (;;) {
    const operand = parseOperand(parser, depth);
    if (operand === undefined) return undefined;
    operands.push(operand);
    if (keyword(parser) !== kind) return combine(kind, operands);
    parser.position += 1;
  }
}

function parseNot(parser: Parser, depth: number): Expression | undefined {
  let negations = 0;
  while (keyword(parser) === 'not') {
    parser.position += 1;
    negations += 1;
  }
  const operand = parsePrimary(parser, depth);
  return operand !== undefined && negations % 2 === 1 ? { kind: 'not', operand } : operand;
}

function parsePrimary(parser: Parser, depth: number): Expression | undefined {
  const token = parser.tokens[parser.position];
  if (depth > NESTING) return parser.problem.reject(parser.line, 'condition_invalid', 'too many parentheses');
  if (token === undefined || token === ')') return unexpected(parser);
  parser.position += 1;
  if (token === '(') {
    const inner = parseOr(parser, depth + 1);
    if (inner === undefined) return undefined;
    if (parser.tokens[parser.position] !== ')') return unexpected(parser);
    parser.position += 1;
    return inner;
  }
  if (keyword(parser) === 'of') return parseQuantifier(parser, token);
  if (['and', 'or', 'of'].includes(token.toLowerCase())) {
    parser.position -= 1;
    return unexpected(parser);
  }
  const selection = parser.selections.get(token);
  return (
    selection ??
    parser.problem.reject(parser.line, 'condition_unknown_selection', `there is no search identifier \`${token}\``)
  );
}

function parseQuantifier(parser: Parser, quantifier: string): Expression | undefined {
  const kind = { '1': 'or', any: 'or', all: 'and' }[quantifier.toLowerCase()] as 'or' | 'and' | undefined;
  if (kind === undefined) {
    return parser.problem.reject(
      parser.line,
      'condition_invalid',
      `\`${quantifier} of\`: Sigma knows \`1 of\` and \`all of\``,
    );
  }
  parser.position += 1;
  const pattern = parser.tokens[parser.position];
  if (pattern === undefined || !IDENTIFIER.test(pattern)) return unexpected(parser);
  parser.position += 1;
  const names = [...parser.selections.keys()].filter((name) => isOf(name, pattern));
  if (names.length === 0) {
    return parser.problem.reject(
      parser.line,
      'condition_unknown_selection',
      `no search identifier fits \`${quantifier} of ${pattern}\``,
    );
  }
  return combine(
    kind,
    names.map((name) => parser.selections.get(name) as Expression),
  );
}

/** Names that begin with an underscore belong to a pattern only if it begins with one, and never to `them`. */
function isOf(name: string, pattern: string): boolean {
  if (name.startsWith('_') && !pattern.startsWith('_')) return false;
  if (pattern.toLowerCase() === 'them') return true;
  const pieces = pattern.split('*');
  if (pieces.length === 1) return name === pattern;
  const first = pieces[0] as string;
  const last = pieces.at(-1) as string;
  if (!name.startsWith(first)) return false;
  let position = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const at = name.indexOf(piece, position);
    if (at < 0) return false;
    position = at + piece.length;
  }
  return name.length - last.length >= position && name.endsWith(last);
}
