import type { Event, FieldValue } from '@yagura/protocol';
import { type Evaluator, maskArguments, type RuleMatch } from '../core/index.ts';
import type { Observation } from '../sensors/sensor.ts';

const ARGUMENT = /^a\d{1,5}$/;

/**
 * What rules for a raw log say of the records that came with an observation: matches of the observation's own event,
 * each rule once. The records themselves go no further.
 */
export function evaluateRecords(
  evaluator: Evaluator,
  event: Event,
  { logsource, records }: Observation,
): readonly RuleMatch[] {
  if (records === undefined) return [];
  const matches = new Map<string, RuleMatch>();
  for (const fields of records.fields) {
    const record: Event = { ...event, logsource: { product: logsource.product, service: records.service }, fields };
    for (const match of evaluator.evaluate(record)) {
      if (!matches.has(match.rule.ruleId)) matches.set(match.rule.ruleId, withoutSecrets(match, fields));
    }
  }
  return [...matches.values()];
}

/** One argument by itself does not show that the one before it announced a secret. */
function withoutSecrets(match: RuleMatch, fields: Event['fields']): RuleMatch {
  if (!match.matched.some(({ field }) => ARGUMENT.test(field))) return match;
  const argv: string[] = [];
  for (let index = 0; typeof fields[`a${index}`] === 'string'; index += 1) argv.push(String(fields[`a${index}`]));
  const masked = maskArguments(argv);
  const valueOf = (field: string, value: FieldValue): FieldValue =>
    ARGUMENT.test(field) ? (masked[Number(field.slice(1))] ?? value) : value;
  return { ...match, matched: match.matched.map(({ field, value }) => ({ field, value: valueOf(field, value) })) };
}
