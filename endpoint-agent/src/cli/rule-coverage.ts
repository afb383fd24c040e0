import { type Coverage, type DeclaredSource, decideCoverage, type SigmaRule } from '../core/index.ts';
import { BUILT, COVERED_SYSTEMS, type CoveredSystem, declaredSources } from './coverage-sources.ts';

/** What is said of one rule on one system. */
export type JudgedRule = Coverage & {
  readonly ruleId: string;
  readonly title: string;
  readonly file: string;
  /** The log that the rule reads, as the rule names it. */
  readonly product: string | undefined;
  readonly category: string | undefined;
  readonly service: string | undefined;
};

export interface SystemCoverage {
  readonly system: CoveredSystem;
  readonly built: boolean;
  /** Rules that are for this system by name; rules for any system are judged, not counted. */
  readonly total: number;
  readonly canFire: number;
  /** How many rules lack each thing, most first. */
  readonly blockers: Readonly<Record<string, number>>;
  readonly rules: readonly JudgedRule[];
}

/** For each system: which of the rules can fire there, and what the others lack. */
export function coverageBySystem(rules: readonly SigmaRule[]): readonly SystemCoverage[] {
  return COVERED_SYSTEMS.map((system) => {
    const sources = declaredSources(system);
    const judged = rules
      .filter(({ logsource: { product } }) => product === undefined || product === system)
      .map((rule) => judge(rule, sources));
    const own = judged.filter(({ product }) => product === system);
    const canFire = own.filter((rule) => rule.canFire).length;
    return { system, built: BUILT[system], total: own.length, canFire, blockers: countBlockers(own), rules: judged };
  });
}

function judge(rule: SigmaRule, sources: readonly DeclaredSource[]): JudgedRule {
  const { facts, place, logsource } = rule;
  const { product, category, service } = logsource;
  const named = { ruleId: facts.ruleId, title: facts.title, file: place.file, product, category, service };
  return { ...named, ...decideCoverage(rule, sources) };
}

function countBlockers(judged: readonly JudgedRule[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const rule of judged) {
    if (rule.canFire) continue;
    const names = rule.blocker === 'collector' ? ['a collector'] : rule.fields;
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a));
}
