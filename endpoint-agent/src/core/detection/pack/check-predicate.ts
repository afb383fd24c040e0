import { isNumber, isRecord, isText } from '../plain-data.ts';
import { parseNetwork } from '../sigma/cidr.ts';
import { compileRegex } from '../sigma/regex.ts';
import { TIME_PARTS } from '../sigma/rule-ast.ts';

/** Whether a value read from a pack is a predicate; with `hasField`, one of a field. */
export function isPredicate(value: unknown, hasField: boolean): boolean {
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
