import { describe, expect, test } from 'vitest';
import { ruleText } from '../../../../../../test/fakes/sigma-rule.ts';
import { createSigmaEvaluator } from '../create-sigma-evaluator.ts';

const LOGSOURCE = { product: 'windows', category: 'process_creation' };
const LIMITS = { period: 1_000, perRule: 100, suspension: 5_000 };

/** A rule, and a clock that each reading moves on by `step` milliseconds. */
function create(step: number) {
  const clock = { now: 0, step };
  const read = (): number => (clock.now += clock.step);
  const text = `${ruleText("sel:\n    F|re: 'a.*b'\ncondition: sel")}\n---\n${ruleText('sel:\n    F: axb\ncondition: sel').replace('rule-under-test', 'cheap')}`;
  const evaluator = createSigmaEvaluator([{ file: 'r.yml', text }], { clock: read, budget: LIMITS });
  const evaluate = (F: string): readonly string[] =>
    evaluator.evaluate({ logsource: LOGSOURCE, fields: { F } }).map(({ rule }) => rule.ruleId);
  return { clock, evaluator, evaluate };
}

describe('a rule that takes more than its budget', () => {
  test('is suspended, named, and tried again when the suspension is over', () => {
    const { clock, evaluator, evaluate } = create(1);
    expect(evaluate('axb')).toEqual(expect.arrayContaining(['rule-under-test', 'cheap']));
    // A long value is always timed; here each evaluation seems to take 60 milliseconds.
    clock.step = 60;
    const long = `a${'x'.repeat(10_000)}b`;
    evaluate(long);
    evaluate(long);
    clock.step = 1;
    expect(evaluate(long)).toEqual([]);
    expect(evaluator.suspensions()).toMatchObject([{ rule: { ruleId: 'rule-under-test' }, times: 1 }]);
    clock.now += LIMITS.suspension;
    expect(evaluate(long)).toEqual(['rule-under-test']);
  });
  test('by long values alone still judges all others: a flood of those hides nothing else', () => {
    const { clock, evaluator, evaluate } = create(60);
    const long = `a${'x'.repeat(10_000)}b`;
    evaluate(long);
    evaluate(long);
    clock.step = 0;
    expect(evaluate(long)).toEqual([]);
    expect(evaluate('axb')).toEqual(expect.arrayContaining(['rule-under-test', 'cheap']));
    expect(evaluator.suspensions()).toHaveLength(1);
  });
  test('by ordinary values is left out for long ones too', () => {
    const { clock, evaluator, evaluate } = create(2);
    for (let i = 0; i < 800 && evaluator.suspensions().length === 0; i += 1) evaluate('axb');
    clock.step = 0;
    expect(evaluate('axb')).not.toContain('rule-under-test');
    expect(evaluate(`a${'x'.repeat(10_000)}b`)).toEqual([]);
  });
  test('is suspended for what it takes on ordinary values, which are timed now and then', () => {
    const { evaluator, evaluate } = create(2);
    for (let i = 0; i < 800 && evaluator.suspensions().length === 0; i += 1) evaluate('axb');
    expect(evaluator.suspensions().map(({ rule }) => rule.ruleId)).toContain('rule-under-test');
  });
  test('is not, when the processor was somewhere else during one timing', () => {
    const { clock, evaluator, evaluate } = create(0);
    for (let i = 0; i < 40; i += 1) {
      // Whenever the rule is timed, once, the clock says that 20 milliseconds went by.
      clock.step = evaluator.suspensions().length === 0 && i === 31 ? 20 : 0;
      evaluate('axb');
    }
    expect(evaluator.suspensions()).toEqual([]);
    expect(evaluate('axb')).toContain('rule-under-test');
  });
  test('is not, when the time lies in different periods', () => {
    const { clock, evaluator, evaluate } = create(60);
    for (let i = 0; i < 20; i += 1) {
      evaluate(`a${'x'.repeat(10_000)}b`);
      clock.now += LIMITS.period;
    }
    expect(evaluator.suspensions()).toEqual([]);
  });
  test('without a clock nothing is timed', () => {
    const text = ruleText("sel:\n    F|re: 'a.*b'\ncondition: sel");
    expect(createSigmaEvaluator([{ file: 'r.yml', text }]).suspensions()).toEqual([]);
  });
});
