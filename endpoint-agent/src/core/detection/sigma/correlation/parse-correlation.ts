import type { Problem } from '../rejections.ts';
import { CORRELATION_TYPES, type CorrelationBound, type CorrelationType, type SigmaCorrelation } from '../rule-ast.ts';
import { parseRuleFacts, stringAttribute } from '../rule-facts.ts';
import { entryOf, stringList, type YamlEntry, type YamlMap } from '../yaml-reader.ts';
import { WINDOW_LIMITS } from './correlation-window.ts';
import { parseCorrelationExpression } from './parse-correlation-expression.ts';

const KEYS: ReadonlySet<string> = new Set([
  'type',
  'rules',
  'group-by',
  'timespan',
  'condition',
  'aliases',
  'generate',
]);
const OPERATORS = ['lt', 'lte', 'gt', 'gte', 'eq', 'neq'] as const;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const LONGEST_TIMESPAN = 31 * 86_400_000;
const MOST_RULES = 32;
const MOST_FIELDS = 8;
/** Types that are about which rules matched; the others count or compute. */
const TEMPORAL: ReadonlySet<CorrelationType> = new Set(['temporal', 'temporal_ordered']);

interface Section {
  readonly map: YamlMap;
  readonly line: number;
  readonly problem: Problem;
}

/** Reads a correlation document. References are resolved later, when every rule is known. */
export function parseCorrelation(root: YamlMap, file: string, problem: Problem): SigmaCorrelation | undefined {
  const facts = parseRuleFacts(root, file, problem);
  const name = stringAttribute(root, 'name', problem);
  const entry = entryOf(root, 'correlation');
  if (facts === undefined || entry === undefined) return undefined;
  if (entry.value.kind !== 'map') return problem.reject(entry.line, 'wrong_type', '`correlation` must be a map');
  const section: Section = { map: entry.value, line: entry.line, problem };
  const unknown = entry.value.entries.find(({ key }) => !KEYS.has(key));
  if (unknown !== undefined) {
    return problem.reject(unknown.line, 'correlation_invalid', `unknown attribute \`${unknown.key}\``);
  }
  const type = parseType(section);
  const rules = parseRuleList(section);
  const timespan = parseTimespan(section);
  const groupBy = parseGroupBy(section);
  const aliases = parseAliases(section);
  if (type === undefined || rules === undefined || timespan === undefined || groupBy === undefined) return undefined;
  const condition = parseCondition(section, type, rules);
  if (aliases === undefined || condition === undefined) return undefined;
  const generate = entryOf(entry.value, 'generate')?.value;
  return {
    kind: 'correlation',
    place: { file, line: root.line },
    facts,
    ...(name === undefined ? {} : { name }),
    type,
    rules,
    groupBy,
    timespan,
    aliases,
    ...condition,
    generate: generate?.kind === 'scalar' && generate.value === true,
  };
}

function reject({ problem, line }: Section, message: string, at?: YamlEntry): undefined {
  return problem.reject(at?.line ?? line, 'correlation_invalid', message);
}

function parseType(section: Section): CorrelationType | undefined {
  const written = stringAttribute(section.map, 'type', section.problem);
  const type = CORRELATION_TYPES.find((candidate) => candidate === written);
  return type ?? reject(section, `\`type\` must be one of ${CORRELATION_TYPES.join(', ')}`);
}

function parseRuleList(section: Section): readonly string[] | undefined {
  const entry = entryOf(section.map, 'rules');
  const rules = entry?.value.kind === 'scalar' ? [entry.value.source] : entry && stringList(entry.value);
  if (rules === undefined) return reject(section, '`rules` must be a list of ids or names', entry);
  if (rules.length > MOST_RULES) return reject(section, `more than ${MOST_RULES} rules`, entry);
  return new Set(rules).size === rules.length ? rules : reject(section, 'a rule stands twice', entry);
}

function parseTimespan(section: Section): number | undefined {
  const written = stringAttribute(section.map, 'timespan', section.problem);
  const match = /^(\d{1,6})([smhdw])$/.exec(written ?? '');
  const span = match === null ? 0 : Number(match[1]) * (UNITS[match[2] as string] as number);
  if (span > 0 && span <= LONGEST_TIMESPAN) return span;
  return reject(
    section,
    '`timespan` must be a number with s, m, h or d, at most 31d',
    entryOf(section.map, 'timespan'),
  );
}

function parseGroupBy(section: Section): readonly string[] | undefined {
  const entry = entryOf(section.map, 'group-by');
  if (entry === undefined) return [];
  const fields = entry.value.kind === 'scalar' ? [entry.value.source] : stringList(entry.value);
  if (fields !== undefined && fields.length <= MOST_FIELDS) return fields;
  return reject(section, `\`group-by\` must be a list of at most ${MOST_FIELDS} fields`, entry);
}

function parseAliases(section: Section): ReadonlyMap<string, ReadonlyMap<string, string>> | undefined {
  const entry = entryOf(section.map, 'aliases');
  const aliases = new Map<string, ReadonlyMap<string, string>>();
  if (entry === undefined) return aliases;
  if (entry.value.kind !== 'map') return reject(section, '`aliases` must be a map', entry);
  for (const { key, value } of entry.value.entries) {
    if (value.kind !== 'map') return reject(section, 'an alias must name a field for each rule', entry);
    const fields = new Map<string, string>();
    for (const item of value.entries) {
      if (item.value.kind !== 'scalar') return reject(section, 'an alias must name a field for each rule', item);
      fields.set(item.key, item.value.source);
    }
    aliases.set(key, fields);
  }
  return aliases;
}

type Condition = Pick<SigmaCorrelation, 'bounds' | 'fields' | 'percentile' | 'expression'>;

function parseCondition(section: Section, type: CorrelationType, rules: readonly string[]): Condition | undefined {
  const entry = entryOf(section.map, 'condition');
  if (entry === undefined) {
    return TEMPORAL.has(type)
      ? { bounds: [{ operator: 'gte', value: rules.length }], fields: [] }
      : reject(section, `\`${type}\` needs a \`condition\``);
  }
  if (entry.value.kind === 'scalar') {
    if (!TEMPORAL.has(type)) return reject(section, 'only temporal correlations take an expression', entry);
    const expression = parseCorrelationExpression(entry.value.source, rules);
    return typeof expression === 'string'
      ? reject(section, expression, entry)
      : { bounds: [], fields: [], expression: expression.expression };
  }
  if (entry.value.kind !== 'map') return reject(section, '`condition` must be a map', entry);
  return parseBounds(section, entry, entry.value, type);
}

function parseBounds(section: Section, at: YamlEntry, map: YamlMap, type: CorrelationType): Condition | undefined {
  const bounds: CorrelationBound[] = [];
  let fields: readonly string[] = [];
  let percentile: number | undefined;
  for (const entry of map.entries) {
    const { key, value } = entry;
    const number = value.kind === 'scalar' && typeof value.value === 'number' ? value.value : undefined;
    const operator = OPERATORS.find((candidate) => candidate === key);
    if (operator !== undefined && number !== undefined) bounds.push({ operator, value: number });
    else if (key === 'field') fields = value.kind === 'scalar' ? [value.source] : (stringList(value) ?? []);
    else if (key === 'percentile' && number !== undefined && number >= 0 && number <= 100) percentile = number;
    else return reject(section, `\`${key}\` is no valid part of a condition`, entry);
  }
  if (bounds.length === 0) return reject(section, `a condition needs one of ${OPERATORS.join(', ')}`, at);
  const valued = type.startsWith('value_');
  if (valued ? fields.length === 0 || fields.length > MOST_FIELDS : fields.length > 0) {
    return reject(section, valued ? `\`${type}\` needs a \`field\`` : `\`${type}\` takes no \`field\``, at);
  }
  if (percentile !== undefined && type !== 'value_percentile') {
    return reject(section, '`percentile` belongs to `value_percentile`', at);
  }
  const counts = type === 'event_count' || type === 'value_count';
  if (counts && bounds.some((bound) => bound.value >= WINDOW_LIMITS.items)) {
    return reject(section, `more than ${WINDOW_LIMITS.items} events of one group are not counted`, at);
  }
  return { bounds, fields, ...(percentile === undefined ? {} : { percentile }) };
}
