import { type ItemBody, LIMITS, RuleCatalogue } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { OWN_RULES } from '../../../test/fakes/own-rules.ts';
import { createSigmaEvaluator } from '../core/index.ts';
import { createCatalogueReport, describeOwnRules } from './rule-catalogue.ts';

const rule = (id: string, more = '') =>
  [
    `title: Rule ${id}`,
    `id: ${id}`,
    'logsource: { product: linux, category: process_creation }',
    'detection: { sel: { Image: x }, condition: sel }',
    more,
  ].join('\n');

describe('[HE5] the catalogue of the agent’s rules', () => {
  test('has every rule of the pack and every behaviour, as the protocol wants it', () => {
    const evaluator = createSigmaEvaluator(OWN_RULES);
    const catalogue = describeOwnRules(evaluator, 'linux');
    expect(RuleCatalogue.safeParse(catalogue).success).toBe(true);
    expect(catalogue.omitted).toBe(0);
    const ids = new Set(catalogue.rules.map(({ ruleId }) => ruleId));
    expect(evaluator.rules.filter(({ facts }) => !ids.has(facts.ruleId))).toEqual([]);
    expect(ids.has('yagura.behaviour.reverse-shell')).toBe(true);
    const shell = catalogue.rules.find(({ title }) => /cron/i.test(title));
    expect(shell).toMatchObject({ system: 'linux', canFire: true });
  });

  test('says what no sensor fills', () => {
    const text = rule('needs-nothing').replace('Image: x', 'NoSuchField: x');
    const { rules } = describeOwnRules(createSigmaEvaluator([{ file: 'r.yml', text }]), 'linux');
    expect(rules.find(({ ruleId }) => ruleId === 'needs-nothing')).toMatchObject({ canFire: false });
  });

  test('counts what is beyond its bounds', () => {
    const many = Array.from({ length: 1_200 }, (_, index) => ({ file: `${index}.yml`, text: rule(`r-${index}`) }));
    const catalogue = describeOwnRules(createSigmaEvaluator(many), 'linux');
    expect(catalogue.rules).toHaveLength(LIMITS.catalogueRules);
    expect(catalogue.rules.length + catalogue.omitted).toBeGreaterThan(1_200);
    const long = `yagura: { explanation: { ja: ${'x'.repeat(4_000)}, en: ${'x'.repeat(4_000)} } }`;
    const heavy = Array.from({ length: 300 }, (_, index) => ({ file: `${index}.yml`, text: rule(`r-${index}`, long) }));
    const bounded = describeOwnRules(createSigmaEvaluator(heavy), 'linux');
    expect(JSON.stringify(bounded).length).toBeLessThan(1_100_000);
    expect(bounded.omitted).toBeGreaterThan(0);
  });

  test('is told once to each console that the machine belongs to', () => {
    const sent: ItemBody[] = [];
    const spool = { append: (bodies: readonly ItemBody[]) => void sent.push(...bodies) };
    const report = createCatalogueReport(spool, () => ({ rules: [], omitted: 0 }));
    for (const id of [undefined, 'ep-1', 'ep-1', 'ep-2']) report.tell(id);
    expect(sent.map(({ type }) => type)).toEqual(['rule-catalogue', 'rule-catalogue']);
  });
});
