import { List, Text } from '@mantine/core';
import type { OrderAction } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useChangeWords } from './rule-words.ts';

/**
 * What the approval holds, read from what will be signed: an approval replaces the whole set, so that a person sees
 * everything that is in force afterwards and not only what they asked for.
 */
export function SignedTunings({ actions }: { readonly actions: readonly OrderAction[] }) {
  const { t } = useTranslation();
  const changeWords = useChangeWords();
  const sets = actions.flatMap((action) => (action.kind === 'set-rule-tunings' ? action.tunings : []));
  const tunings = [...new Map(sets.map((tuning) => [tuning.tuningId, tuning])).values()];
  return (
    <div>
      <Text fw={700}>{tunings.length === 0 ? t('rules.signed.none') : t('rules.signed.title')}</Text>
      <List size="sm" style={{ maxHeight: '12rem', overflowY: 'auto', overflowWrap: 'anywhere' }}>
        {tunings.map((tuning) => (
          <List.Item key={tuning.tuningId}>
            <Untrusted text={tuning.ruleTitle} />
            {' — '}
            {changeWords(tuning.change)}
            {' · '}
            {t('rules.tuned.until')} <TimeText time={tuning.expiresAt} />
          </List.Item>
        ))}
      </List>
    </div>
  );
}
