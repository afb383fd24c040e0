import { RuleFacts } from '@yagura/protocol';
import {
  hasKeys,
  isIntegerFrom,
  isListOf,
  isNumber,
  isOptional,
  isRecord,
  isText,
  type PlainRecord,
} from '../plain-data.ts';
import {
  CORRELATION_TYPES,
  type CorrelationBound,
  type CorrelationExpression,
  type Place,
  type RuleLogSource,
  type SigmaCorrelation,
  type SigmaDocument,
} from '../sigma/rule-ast.ts';
import { type ExpressionTest, readExpression } from './packed-expression.ts';

const OPERATORS: ReadonlySet<unknown> = new Set(['lt', 'lte', 'gt', 'gte', 'eq', 'neq']);
const DEPTH = 40;
const REFERENCES = 10_000;

/** One document of a pack with these tests, or undefined when it does not have the shape of one. */
export function readDocument(value: unknown, tests: readonly ExpressionTest[]): SigmaDocument | undefined {
  if (!isRecord(value) || !isPlace(value['place'])) return undefined;
  switch (value['kind']) {
    case 'rule':
      return readRule(value, value['place'], tests);
    case 'filter':
      return readFilter(value, value['place'], tests);
    case 'correlation':
      return readCorrelation(value, value['place']);
    default:
      return undefined;
  }
}

function isPlace(value: unknown): value is Place {
  return hasKeys(value, ['file', 'line']) && isText(value['file']) && isIntegerFrom(value['line'], 1, 1e9);
}

function isLogSource(value: unknown): value is RuleLogSource {
  const keys = ['product', 'category', 'service'];
  return hasKeys(value, [], keys) && keys.every((key) => isOptional(value[key], isText));
}

function readRule(value: PlainRecord, place: Place, tests: readonly ExpressionTest[]): SigmaDocument | undefined {
  const facts = RuleFacts.safeParse(value['facts']);
  const { name, logsource } = value;
  if (!facts.success || !isOptional(name, isText) || !isLogSource(logsource)) return undefined;
  const expression = readExpression(value['expression'], tests);
  if (expression === undefined) return undefined;
  if (!hasKeys(value, ['kind', 'place', 'facts', 'logsource', 'expression'], ['name'])) return undefined;
  const rule = { kind: 'rule', place, facts: facts.data, logsource, expression } as const;
  return isText(name) ? { ...rule, name } : rule;
}

function readFilter(value: PlainRecord, place: Place, tests: readonly ExpressionTest[]): SigmaDocument | undefined {
  const { title, logsource, rules } = value;
  if (!hasKeys(value, ['kind', 'place', 'title', 'logsource', 'rules', 'condition'])) return undefined;
  if (!isText(title) || !isLogSource(logsource)) return undefined;
  const condition = readExpression(value['condition'], tests);
  if (condition === undefined) return undefined;
  if (rules !== 'any' && !isListOf(rules, REFERENCES, isText)) return undefined;
  return { kind: 'filter', place, title, logsource, rules, condition };
}

const CORRELATION_KEYS = [
  'kind',
  'place',
  'facts',
  'type',
  'rules',
  'groupBy',
  'timespan',
  'bounds',
  'fields',
  'aliases',
  'generate',
];

function readCorrelation(value: PlainRecord, place: Place): SigmaDocument | undefined {
  if (!hasKeys(value, CORRELATION_KEYS, ['name', 'percentile', 'expression'])) return undefined;
  const facts = RuleFacts.safeParse(value['facts']);
  const type = CORRELATION_TYPES.find((candidate) => candidate === value['type']);
  const aliases = readAliases(value['aliases']);
  const { rules, groupBy, timespan, bounds, fields, generate, name, percentile, expression } = value;
  if (!facts.success || type === undefined || aliases === undefined || typeof generate !== 'boolean') return undefined;
  if (!isListOf(rules, 32, isText) || rules.length === 0 || !isListOf(groupBy, 8, isText)) return undefined;
  if (!isNumber(timespan) || timespan <= 0 || !isListOf(bounds, 8, isBound) || !isListOf(fields, 8, isText))
    return undefined;
  const count = rules.length;
  if (!isOptional(name, isText) || !isOptional(percentile, isNumber)) return undefined;
  if (expression !== undefined && !isCorrelationExpression(expression, count, 0)) return undefined;
  const correlation: SigmaCorrelation = {
    kind: 'correlation',
    place,
    facts: facts.data,
    type,
    rules,
    groupBy,
    timespan,
    bounds,
    fields,
    aliases,
    generate,
    ...(isText(name) ? { name } : {}),
    ...(isNumber(percentile) ? { percentile } : {}),
    ...(expression === undefined ? {} : { expression }),
  };
  return correlation;
}

function isBound(value: unknown): value is CorrelationBound {
  return hasKeys(value, ['operator', 'value']) && OPERATORS.has(value['operator']) && isNumber(value['value']);
}

function isCorrelationExpression(value: unknown, rules: number, depth: number): value is CorrelationExpression {
  if (!isRecord(value) || depth > DEPTH) return false;
  switch (value['kind']) {
    case 'rule':
      return isIntegerFrom(value['rule'], 0, rules - 1);
    case 'not':
      return isCorrelationExpression(value['operand'], rules, depth + 1);
    case 'and':
    case 'or': {
      const { operands } = value;
      return (
        Array.isArray(operands) &&
        operands.length <= 1_000 &&
        operands.every((operand) => isCorrelationExpression(operand, rules, depth + 1))
      );
    }
    default:
      return false;
  }
}

/** Lists of pairs, since JSON has no maps. */
function readAliases(value: unknown): SigmaCorrelation['aliases'] | undefined {
  if (!isListOf(value, 1_000, isPair)) return undefined;
  const aliases = new Map<string, ReadonlyMap<string, string>>();
  for (const [alias, fields] of value) {
    if (!isListOf(fields, 1_000, isTextPair)) return undefined;
    aliases.set(alias, new Map(fields));
  }
  return aliases;
}

function isPair(value: unknown): value is readonly [string, unknown] {
  return Array.isArray(value) && value.length === 2 && isText(value[0]);
}

function isTextPair(value: unknown): value is readonly [string, string] {
  return isPair(value) && isText(value[1]);
}
