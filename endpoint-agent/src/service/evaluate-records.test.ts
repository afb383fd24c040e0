import type { Event } from '@yagura/protocol';
import { expect, test } from 'vitest';
import { ruleText } from '../../../test/fakes/sigma-rule.ts';
import { createSigmaEvaluator } from '../core/index.ts';
import type { Observation } from '../sensors/sensor.ts';
import { evaluateRecords } from './evaluate-records.ts';

const logsource = { product: 'linux', category: 'process_creation' } as const;
const event: Event = { eventId: 'e', logsource, time: 1, fields: { CommandLine: 'curl' } };
const observed = (...fields: readonly Event['fields'][]): Observation => ({
  logsource,
  time: 1,
  fields: {},
  records: { service: 'auditd', fields },
});
const evaluator = (detection: string) =>
  createSigmaEvaluator([{ file: 'r.yml', text: ruleText(detection, '', { product: 'linux', service: 'auditd' }) }]);

test('each rule matches once, whatever the number of records', () => {
  const rules = evaluator('sel:\n    name|contains: x\ncondition: sel');
  const matches = evaluateRecords(rules, event, observed({ name: 'x1' }, { name: 'y' }, { name: 'x2' }));
  expect(matches.map(({ matched }) => matched)).toEqual([[{ field: 'name', value: 'x1' }]]);
});

test('an observation without records costs nothing', () => {
  const never = { evaluate: () => expect.unreachable(), loaded: 1, rejected: [] };
  expect(evaluateRecords(never, event, { logsource, time: 1, fields: {} })).toEqual([]);
});

test('an argument that another one announced as a secret is not told', () => {
  const rules = evaluator("sel:\n    a0: curl\n    a2|contains: '-'\ncondition: sel");
  const [match] = evaluateRecords(rules, event, observed({ a0: 'curl', a1: '--password', a2: 'hima-wari', a3: 'x' }));
  expect(match?.matched.find(({ field }) => field === 'a0')?.value).toBe('curl');
  expect(JSON.stringify(match)).not.toContain('hima-wari');
});
