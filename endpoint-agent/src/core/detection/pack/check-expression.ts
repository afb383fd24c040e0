import { isNumber, isRecord, isText } from '../plain-data.ts';
import { parseNetwork } from '../sigma/cidr.ts';
import { compileRegex } from '../sigma/regex.ts';
import { TIME_PARTS } from '../sigma/rule-ast.ts';

/** Bounds of one rule's expression, those of the parser with room to spare. */
const NODES = 200_000;
const DEPTH = 200;

/**
 * Whether a value read from a pack is an expression of rules, down to the last predicate. Written by hand because
 * a pack has a hundred thousand of them and an endpoint is to start quickly.
 */
export function isExpression(value: unknown): boolean {
  return check(value, { nodes: 0 }, 0);
}

function check(value: unknown, budget: { nodes: number }, depth: number): boolean {
  budget.nodes += 1;
  if (!isRecord(value) || budget.nodes > NODES || depth > DEPTH) return false;
  switch (value['kind']) {
    case 'and':
    case 'or': {
      const { operands } = value;
      return Array.isArray(operands) && operands.every((operand) => check(operand, budget, depth + 1));
    }
    case 'not':
      return check(value['operand'], budget, depth + 1);
    case 'test':
      return (
        isPredicate(value['predicate'], isText(value['field'])) &&
        (value['field'] === undefined || isText(value['field']))
      );
    default:
      return false;
  }
}

function isPredicate(value: unknown, hasField: boolean): boolean {
  if (!isRecord(value)) return false;
  switch (value['kind']) {
    case 'text':
      return isPattern(value['parts']) && isFlag(value['cased']) && isFlag(value['windash']);
    case 'number':
      return isNumber(value['value']);
    case 'compare':
      return isOperator(value['operator']) && isNumber(value['value']);
    case 'time':
      return (
        TIME_PARTS.some((part) => part === value['part']) && isOperator(value['operator']) && isNumber(value['value'])
      );
    case 'regex':
      return isRegex(value['source'], value['flags']);
    case 'cidr':
      return typeof value['network'] === 'string' && parseNetwork(value['network']) !== undefined;
    case 'reference':
      return (
        hasField &&
        isText(value['field']) &&
        ['equals', 'startswith', 'endswith', 'contains'].includes(String(value['mode'])) &&
        isFlag(value['cased'])
      );
    case 'exists':
      return hasField && isFlag(value['present']);
    case 'null':
      return hasField;
    default:
      return false;
  }
}

function isPattern(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((part) => part === 'any' || part === 'one' || (isRecord(part) && isText(part['literal'])))
  );
}

/** Compiled once more: a pack from elsewhere must not bring an expression that this agent cannot run. */
function isRegex(source: unknown, flags: unknown): boolean {
  if (typeof source !== 'string' || !isRecord(flags)) return false;
  const { ignoreCase, multiLine, dotAll } = flags;
  if (typeof ignoreCase !== 'boolean' || typeof multiLine !== 'boolean' || typeof dotAll !== 'boolean') return false;
  return compileRegex(source, { ignoreCase, multiLine, dotAll }).ok;
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean';
}
function isOperator(value: unknown): boolean {
  return ['lt', 'lte', 'gt', 'gte', 'eq'].includes(String(value));
}
