import type { ExclusionMatch } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { visibleText } from '../../components/visible-text.ts';

/** What an exclusion matches, in words that a person can judge. */
export function useMatchWords(): (match: ExclusionMatch, ruleTitle?: string) => string {
  const { t } = useTranslation();
  return (match, ruleTitle) => {
    switch (match.by) {
      case 'sha256':
        return t('exclusion.by.sha256', { hash: `${match.sha256.slice(0, 12)}…` });
      case 'rule-path':
        return t('exclusion.by.rulePath', {
          path: visibleText(match.path, 200),
          rule: visibleText(ruleTitle ?? match.ruleId, 120),
        });
      case 'rule':
        return t('exclusion.by.rule', { rule: visibleText(ruleTitle ?? match.ruleId, 120) });
    }
  };
}
