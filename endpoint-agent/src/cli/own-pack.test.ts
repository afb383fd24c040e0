import { describe, expect, test } from 'vitest';
import { fixturesOf, OWN_RULES } from '../../../test/fakes/own-rules.ts';
import { logSourceMatches } from '../core/detection/sigma/log-source.ts';
import { createSigmaEvaluator } from '../core/index.ts';
import { COVERED_SYSTEMS, declaredSources } from './coverage-sources.ts';
import { OWN_PACK } from './own-pack.ts';
import { runRules } from './rules.ts';

interface Report {
  readonly rejected: readonly unknown[];
  readonly systems: readonly {
    readonly system: string;
    readonly total: number;
    readonly canFire: number;
    readonly rules: readonly {
      readonly title: string;
      readonly canFire: boolean;
      readonly blunt?: readonly string[];
    }[];
  }[];
}

describe('every rule of the own pack', () => {
  test('can fire on its system, and none is blunter there than it was written', async () => {
    const out: string[] = [];
    expect(await runRules(['coverage', OWN_PACK, '--json'], { out: (text) => out.push(text), err: () => {} })).toBe(0);
    const { rejected, systems } = JSON.parse(out.join('')) as Report;
    expect(rejected).toEqual([]);
    for (const { system, total, canFire, rules } of systems) {
      expect(total, system).toBe(OWN_RULES.filter(({ platform }) => platform === system).length);
      expect(rules.filter((rule) => !rule.canFire || rule.blunt?.length !== 0)).toEqual([]);
      expect(canFire, system).toBe(total);
    }
  });

  const evaluator = createSigmaEvaluator(OWN_RULES);
  test.each(COVERED_SYSTEMS)('for %s was tried with fields that its sensors declare, and no other', (system) => {
    const sources = declaredSources(system);
    const foreign = OWN_RULES.filter(({ platform }) => platform === system).flatMap((rule) => {
      const { logsource } = evaluator.rules.find(({ place }) => place.file === rule.file) ?? { logsource: {} };
      const fitting = sources.filter((source) => logSourceMatches(logsource, source));
      const { match, evasion = [], benign } = fixturesOf(rule);
      return [...match, ...evasion, ...benign].flatMap((fields) =>
        Object.keys(fields)
          .filter((field) => !fitting.some((source) => source.fields === 'any' || source.fields.has(field)))
          .map((field) => `${rule.file}: ${field}`),
      );
    });
    expect(foreign).toEqual([]);
  });
});
