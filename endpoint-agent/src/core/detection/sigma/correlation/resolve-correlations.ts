import type { RuleRejection } from '../../evaluator.ts';
import type { SigmaCorrelation, SigmaRule } from '../rule-ast.ts';

/** A correlation whose references are known to exist. */
export interface ResolvedCorrelation {
  readonly correlation: SigmaCorrelation;
  /** Ids of the referred rules, in the order of `rules`. */
  readonly ruleIds: readonly string[];
  /** For each referred rule: alias to field. */
  readonly aliases: readonly ReadonlyMap<string, string>[];
}

export interface ResolvedCorrelations {
  /** In an order in which whatever is referred to comes first. */
  readonly correlations: readonly ResolvedCorrelation[];
  readonly rejected: readonly RuleRejection[];
}

/** Correlations of correlations, at most this deep. */
const DEPTH = 8;

/** Resolves ids and names. Correlations that refer to nothing, or in a circle, are rejected. */
export function resolveCorrelations(
  rules: readonly SigmaRule[],
  correlations: readonly SigmaCorrelation[],
): ResolvedCorrelations {
  const known = new Map<string, SigmaRule | SigmaCorrelation>();
  for (const rule of [...rules, ...correlations]) {
    known.set(rule.facts.ruleId, rule);
    if (rule.name !== undefined && !known.has(rule.name)) known.set(rule.name, rule);
  }
  const resolved = new Map<string, ResolvedCorrelation | undefined>();
  const rejected: RuleRejection[] = [];
  const open = new Set<string>();
  const reject = (correlation: SigmaCorrelation, code: string, message: string): undefined => {
    rejected.push({ ...correlation.place, code, message });
    return undefined;
  };
  const resolve = (correlation: SigmaCorrelation): ResolvedCorrelation | undefined => {
    const { ruleId } = correlation.facts;
    if (resolved.has(ruleId)) return resolved.get(ruleId);
    open.add(ruleId);
    const result = resolveOne(correlation);
    open.delete(ruleId);
    resolved.set(ruleId, result);
    return result;
  };
  const resolveOne = (correlation: SigmaCorrelation): ResolvedCorrelation | undefined => {
    const referred: (SigmaRule | SigmaCorrelation)[] = [];
    for (const name of correlation.rules) {
      const rule = known.get(name);
      if (rule === undefined) return reject(correlation, 'reference_unresolved', `there is no rule \`${name}\``);
      if (rule.kind === 'correlation') {
        if (open.has(rule.facts.ruleId) || open.size >= DEPTH) {
          return reject(correlation, 'reference_cycle', `\`${name}\` refers back to this correlation, or too deep`);
        }
        if (resolve(rule) === undefined) {
          return reject(correlation, 'reference_unresolved', `the correlation \`${name}\` was rejected`);
        }
      }
      referred.push(rule);
    }
    const aliases = referred.map((rule) => aliasesFor(correlation, rule));
    return { correlation, ruleIds: referred.map((rule) => rule.facts.ruleId), aliases };
  };
  for (const correlation of correlations) resolve(correlation);
  // A map keeps the order in which correlations were finished: the referred ones first.
  return { correlations: [...resolved.values()].filter((each) => each !== undefined), rejected };
}

function aliasesFor(correlation: SigmaCorrelation, rule: SigmaRule | SigmaCorrelation): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const [alias, byRule] of correlation.aliases) {
    const field = byRule.get(rule.facts.ruleId) ?? (rule.name === undefined ? undefined : byRule.get(rule.name));
    if (field !== undefined) fields.set(alias, field);
  }
  return fields;
}
