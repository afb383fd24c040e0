import type { Platform } from '@yagura/protocol';
import type { RuleRejection } from '../evaluator.ts';
import { applyFilters } from './apply-filters.ts';
import { type ResolvedCorrelation, resolveCorrelations } from './correlation/resolve-correlations.ts';
import { parseRules, type RuleSource } from './parse-rule.ts';
import type { Placeholders } from './placeholders.ts';
import type { SigmaCorrelation, SigmaDocument, SigmaFilter, SigmaRule } from './rule-ast.ts';

/** Rules as they are evaluated: filters applied, references of correlations resolved. */
export interface LoadedRules {
  readonly rules: readonly SigmaRule[];
  readonly correlations: readonly ResolvedCorrelation[];
  readonly rejected: readonly RuleRejection[];
}

/** Parses all sources and links them. Of two rules with one id the first stays. */
export function loadRules(sources: readonly RuleSource[], placeholders: Placeholders = new Map()): LoadedRules {
  const documents: SigmaDocument[] = [];
  const rejected: RuleRejection[] = [];
  for (const source of sources) {
    const parsed = parseRules(source, placeholders);
    rejected.push(...parsed.rejected);
    documents.push(...parsed.documents);
  }
  const linked = linkRules(documents);
  return { ...linked, rejected: [...rejected, ...linked.rejected] };
}

/** Without the rules for other systems: their events never come, and their matchers would cost memory. */
export function rulesOf(loaded: LoadedRules, platform: Platform): LoadedRules {
  const rules = loaded.rules.filter(({ logsource: { product } }) => product === undefined || product === platform);
  return { ...loaded, rules };
}

/** Applies filters and resolves what correlations refer to. */
export function linkRules(documents: readonly SigmaDocument[]): LoadedRules {
  const rules: SigmaRule[] = [];
  const correlations: SigmaCorrelation[] = [];
  const filters: SigmaFilter[] = [];
  const rejected: RuleRejection[] = [];
  const places = new Map<string, string>();
  for (const document of documents) {
    if (document.kind === 'filter') {
      filters.push(document);
      continue;
    }
    const { ruleId } = document.facts;
    const first = places.get(ruleId);
    if (first !== undefined) {
      const message = `id ${ruleId} belongs to the rule at ${first}`.slice(0, 300);
      rejected.push({ ...document.place, code: 'duplicate_rule_id', message });
      continue;
    }
    places.set(ruleId, `${document.place.file}:${document.place.line}`);
    if (document.kind === 'rule') rules.push(document);
    else correlations.push(document);
  }
  const filtered = applyFilters(rules, filters);
  const resolved = resolveCorrelations(rules, correlations);
  return {
    rules: filtered.rules,
    correlations: resolved.correlations,
    rejected: [...rejected, ...filtered.rejected, ...resolved.rejected],
  };
}
