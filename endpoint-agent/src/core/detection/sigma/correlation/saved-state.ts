import {
  hasKeys,
  isIntegerFrom,
  isListOf,
  isNumber,
  isOptional,
  isRecord,
  type PlainRecord,
} from '../../plain-data.ts';
import type { EvaluatedEvent } from '../event-view.ts';
import type { Scalar } from '../scalar.ts';
import { WINDOW_LIMITS, type WindowItem } from './correlation-window.ts';

/** State of one group, as it is kept over a restart; only plain data. */
export interface SavedGroup {
  readonly key: string;
  readonly values: readonly Scalar[];
  readonly items: readonly WindowItem[];
  readonly openedAt: number;
  readonly firedAt?: number;
  readonly lastEvent: EvaluatedEvent;
}

/** State of all correlations. */
export interface SavedCorrelations {
  readonly version: 1;
  /** Latest time of the correlations' clock, in milliseconds. */
  readonly latest: number;
  readonly correlations: readonly { readonly ruleId: string; readonly groups: readonly SavedGroup[] }[];
}

const LONGEST_KEY = 262_144;
const CORRELATIONS = 10_000;

/** What was saved, or undefined when it is not of that shape: a damaged file is dropped, not trusted. */
export function readSavedCorrelations(value: unknown): SavedCorrelations | undefined {
  return isSaved(value) ? value : undefined;
}

function isSaved(value: unknown): value is PlainRecord & SavedCorrelations {
  return (
    hasKeys(value, ['version', 'latest', 'correlations']) &&
    value['version'] === 1 &&
    isNumber(value['latest']) &&
    isListOf(value['correlations'], CORRELATIONS, isSavedCorrelation)
  );
}

function isSavedCorrelation(value: unknown): value is SavedCorrelations['correlations'][number] {
  return (
    hasKeys(value, ['ruleId', 'groups']) &&
    typeof value['ruleId'] === 'string' &&
    isListOf(value['groups'], WINDOW_LIMITS.groups, isGroup)
  );
}

function isGroup(value: unknown): value is SavedGroup {
  if (!hasKeys(value, ['key', 'values', 'items', 'openedAt', 'lastEvent'], ['firedAt'])) return false;
  const { key, values, items, openedAt, firedAt, lastEvent } = value;
  return (
    typeof key === 'string' &&
    key.length <= LONGEST_KEY &&
    isListOf(values, 8, isScalar) &&
    isListOf(items, WINDOW_LIMITS.items, isItem) &&
    items.length > 0 &&
    isNumber(openedAt) &&
    isOptional(firedAt, isNumber) &&
    isEvent(lastEvent)
  );
}

function isItem(value: unknown): value is WindowItem {
  return (
    hasKeys(value, ['time', 'rule'], ['value']) &&
    isNumber(value['time']) &&
    isIntegerFrom(value['rule'], 0, 31) &&
    isOptional(value['value'], (each) => typeof each === 'string' || isNumber(each))
  );
}

function isEvent(value: unknown): value is EvaluatedEvent {
  if (!isRecord(value) || !isRecord(value['fields']) || !isRecord(value['logsource'])) return false;
  const { product, category, service } = value['logsource'];
  const isName = (each: unknown): boolean => typeof each === 'string';
  return (
    isName(product) &&
    isOptional(category, isName) &&
    isOptional(service, isName) &&
    isOptional(value['time'], isNumber) &&
    isOptional(value['bootTime'], isNumber)
  );
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || isNumber(value);
}
