import { createHash } from 'node:crypto';
import type { Event, RuleFacts } from '@yagura/protocol';
import { expect, test } from 'vitest';
import { createIndicatorEvaluator } from './create-indicator-evaluator.ts';

/** In two pieces, so that no product takes this file for the test file. */
const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');

function event(category: 'process_creation' | 'file_event', fields: Event['fields']): Event {
  return { eventId: 'e1', logsource: { product: 'linux', category }, time: 0, fields };
}

const hashOf = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest('hex');

test.each([
  ['bare', EICAR],
  ['with a line feed', `${EICAR}\n`],
  ['with a carriage return and line feed', `${EICAR}\r\n`],
])('the EICAR test file %s is known by each of its hashes', (_form, text) => {
  const evaluator = createIndicatorEvaluator([]);
  for (const algorithm of ['sha256', 'sha1', 'md5']) {
    const matches = evaluator.evaluate(event('file_event', { [algorithm]: hashOf(algorithm, text).toUpperCase() }));
    expect(matches.map(({ rule }) => [rule.ruleId, rule.source])).toEqual([['yagura.indicator.eicar', 'indicator']]);
  }
  expect(evaluator.evaluate(event('file_event', { sha256: hashOf('sha256', `${text} `) }))).toEqual([]);
});

test('EICAR is explained as the harmless test file in both languages', () => {
  const [match] = createIndicatorEvaluator([]).evaluate(event('file_event', { sha256: hashOf('sha256', EICAR) }));
  expect(match?.rule.explanation?.ja).toContain('無害なテストファイル');
  expect(match?.rule.explanation?.en).toContain('harmless');
});

test("Sysmon's list of hashes is read, and an indicator matches once", () => {
  const file = 'a file';
  const rule = { ...facts('one'), title: 'Listed' };
  const evaluator = createIndicatorEvaluator([{ rule, hashes: [hashOf('sha256', file), hashOf('md5', file)] }]);
  const hashes = `MD5=${hashOf('md5', file).toUpperCase()},SHA256=${hashOf('sha256', file).toUpperCase()},IMPHASH=00`;
  const matches = evaluator.evaluate(event('process_creation', { Image: '/tmp/x', Hashes: hashes }));
  expect(matches).toEqual([{ rule, matched: [{ field: 'Hashes', value: hashes }] }]);
});

test('what is no hash and what exceeds the limit is rejected and said', () => {
  const evaluator = createIndicatorEvaluator(
    [{ rule: facts('many'), hashes: ['not a hash', 'a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64)] }],
    { eicar: false, maxHashes: 2 },
  );
  expect(evaluator.rejected.map(({ file, code }) => [file, code])).toEqual([
    ['many', 'invalid_value'],
    ['many', 'limit_exceeded'],
  ]);
  expect(evaluator.evaluate(event('file_event', { sha256: 'b'.repeat(64) }))).toHaveLength(1);
  expect(evaluator.evaluate(event('file_event', { sha256: 'c'.repeat(64) }))).toHaveLength(0);
});

test('hostile values are no hashes and no error', () => {
  const evaluator = createIndicatorEvaluator([]);
  const fields = JSON.parse('{"__proto__":"x","sha256":5,"Hashes":"=,=,,","hash":"\\ud800"}') as Event['fields'];
  expect(evaluator.evaluate(event('file_event', { ...fields, md5: 'a'.repeat(100_000) }))).toEqual([]);
});

function facts(ruleId: string): RuleFacts {
  return {
    ruleId,
    title: ruleId,
    source: 'indicator',
    severity: 'high',
    confidence: 'high',
    techniques: [],
    tactics: [],
  };
}
