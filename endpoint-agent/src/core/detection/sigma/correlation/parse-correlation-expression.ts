import type { CorrelationExpression } from '../rule-ast.ts';

const LONGEST = 2_048;
const NESTING = 32;

interface Parser {
  readonly tokens: readonly string[];
  readonly rules: readonly string[];
  position: number;
  problem: string | undefined;
}

/**
 * Parses the expression of an extended correlation: names of rules with `and`, `or`, `not` and parentheses.
 * Returns a sentence when it is none.
 */
export function parseCorrelationExpression(
  text: string,
  rules: readonly string[],
): { readonly expression: CorrelationExpression } | string {
  if (text.length > LONGEST) return `the expression is longer than ${LONGEST} characters`;
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  const parser: Parser = { tokens, rules, position: 0, problem: undefined };
  const expression = parseChain(parser, 'or', 0);
  if (expression !== undefined && parser.position === tokens.length) return { expression };
  return parser.problem ?? `unexpected \`${tokens[parser.position] ?? 'end'}\` in the expression`;
}

function parseChain(parser: Parser, kind: 'and' | 'or', depth: number): CorrelationExpression | undefined {
  const operands: CorrelationExpression[] = [];
  for (;;) {
    const operand = kind === 'or' ? parseChain(parser, 'and', depth) : parseNot(parser, depth);
    if (operand === undefined) return undefined;
    operands.push(operand);
    if (parser.tokens[parser.position]?.toLowerCase() !== kind) break;
    parser.position += 1;
  }
  const [only] = operands;
  return operands.length === 1 && only !== undefined ? only : { kind, operands };
}

function parseNot(parser: Parser, depth: number): CorrelationExpression | undefined {
  let negations = 0;
  while (parser.tokens[parser.position]?.toLowerCase() === 'not') {
    parser.position += 1;
    negations += 1;
  }
  const operand = parsePrimary(parser, depth);
  return operand !== undefined && negations % 2 === 1 ? { kind: 'not', operand } : operand;
}

function parsePrimary(parser: Parser, depth: number): CorrelationExpression | undefined {
  const token = parser.tokens[parser.position];
  if (token === undefined || token === ')' || depth > NESTING) return undefined;
  parser.position += 1;
  if (token === '(') {
    const inner = parseChain(parser, 'or', depth + 1);
    if (inner === undefined || parser.tokens[parser.position] !== ')') return undefined;
    parser.position += 1;
    return inner;
  }
  const rule = parser.rules.indexOf(token);
  if (rule < 0) {
    parser.problem ??= `\`${token}\` is not among the correlation's rules`;
    return undefined;
  }
  return { kind: 'rule', rule };
}
