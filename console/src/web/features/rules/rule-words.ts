import type { RuleChange, RuleSummary, Severity } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import type { Tone } from '../../components/status.ts';
import { visibleText } from '../../components/visible-text.ts';
import { useLanguage } from '../../i18n/i18n.ts';

/** A level's colour; the word stands beside it. */
export const LEVEL_TONE: Record<Severity, Tone> = {
  informational: 'quiet',
  low: 'quiet',
  medium: 'information',
  high: 'attention',
  critical: 'severe',
};

/** The rule's title in the person's language, where it has one. */
export function useRuleTitle(): (rule: Pick<RuleSummary, 'title' | 'localTitle'>) => string {
  const { language } = useLanguage();
  return (rule) => rule.localTitle?.[language] ?? rule.title;
}

/** What people did to a rule. */
export function useChangeWords(): (change: RuleChange) => string {
  const { t } = useTranslation();
  return (change) =>
    change.kind === 'disable'
      ? t('rules.change.disable')
      : t('rules.change.level', { level: t(`severity.${change.level}`) });
}

const TACTICS = [
  'reconnaissance',
  'resource-development',
  'initial-access',
  'execution',
  'persistence',
  'privilege-escalation',
  'defense-evasion',
  'stealth',
  'defense-impairment',
  'credential-access',
  'discovery',
  'lateral-movement',
  'collection',
  'command-and-control',
  'exfiltration',
  'impact',
] as const;

/** An ATT&CK tactic in words; one that is not known here is shown as the rule names it. */
export function useTacticWords(): (tactic: string) => string {
  const { t } = useTranslation();
  return (tactic) => {
    const known = TACTICS.find((each) => each === tactic);
    return known === undefined ? visibleText(tactic) : t(`rules.tactic.${known}`);
  };
}
