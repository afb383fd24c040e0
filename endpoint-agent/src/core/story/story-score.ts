import type { Confidence, RuleFacts, Severity } from '@yagura/protocol';

const SEVERITY_POINTS: Record<Severity, number> = { informational: 0, low: 5, medium: 20, high: 50, critical: 100 };
const CONFIDENCE_FACTOR: Record<Confidence, number> = { low: 0.4, medium: 0.7, high: 1 };
/** An attack moves through tactics; everyday noise stays within one. */
const POINTS_PER_FURTHER_TACTIC = 10;
const MAX_SCORE = 1_000_000;

/**
 * How much a story weighs: each rule once (a rule that fires a thousand times says one thing), by severity
 * and confidence, plus a bonus for each ATT&CK tactic beyond the first that a rule above `low` names.
 */
export function scoreStory(rules: Iterable<RuleFacts>): number {
  const seen = new Set<string>();
  const tactics = new Set<string>();
  let score = 0;
  for (const rule of rules) {
    if (seen.has(rule.ruleId)) continue;
    seen.add(rule.ruleId);
    score += SEVERITY_POINTS[rule.severity] * CONFIDENCE_FACTOR[rule.confidence];
    if (SEVERITY_POINTS[rule.severity] > SEVERITY_POINTS.low) for (const tactic of rule.tactics) tactics.add(tactic);
  }
  score += Math.max(0, tactics.size - 1) * POINTS_PER_FURTHER_TACTIC;
  return Math.min(MAX_SCORE, Math.round(score));
}
