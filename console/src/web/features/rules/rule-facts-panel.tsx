import { Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { RuleDetail } from '../../../api/index.ts';
import { FactList } from '../../components/fact-list.tsx';
import { Panel } from '../../components/panel.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useLanguage } from '../../i18n/i18n.ts';
import { Reference, Techniques } from '../incidents/rule-facts.tsx';
import { RuleLevel } from './rule-level.tsx';
import { canFireWord } from './rule-list-panel.tsx';
import { useTacticWords } from './rule-words.ts';

/** What the rule says about itself, and whose it is. */
export function RuleFactsPanel({ rule }: { rule: RuleDetail }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const tacticWords = useTacticWords();
  const { origin } = rule;
  const explanation = rule.explanation?.[language];
  const advice = rule.advice?.[language];
  const canFire = canFireWord(rule);
  return (
    <Panel title={t('rules.page.facts')}>
      <Stack gap="sm">
        {explanation === undefined ? null : (
          <Text>
            <Untrusted text={explanation} />
          </Text>
        )}
        <FactList
          columns={2}
          facts={[
            [t('rules.page.own'), <RuleLevel key="level" level={rule.severity} />],
            [t('rule.confidence'), t(`confidence.${rule.confidence}`)],
            [t('rules.page.system'), t(`rulePacks.system.${rule.system}`)],
            [
              t('rules.page.canFire'),
              <div key="canFire">
                {t(`rules.canFire.${canFire}`)}
                <Text component="div" size="sm" c="dimmed">
                  {t(`rules.canFireHint.${canFire}`)}
                </Text>
              </div>,
            ],
            ['ATT&CK', rule.techniques.length === 0 ? undefined : <Techniques key="t" ids={rule.techniques} />],
            [
              t('rules.page.tactics'),
              rule.tactics.length === 0 ? undefined : rule.tactics.map(tacticWords).join(' · '),
            ],
            [t('rule.source'), t(`ruleSource.${rule.source}`)],
            [
              t('rules.page.origin'),
              origin.kind === 'built-in' ? (
                t('rules.origin.builtIn')
              ) : (
                <span key="origin">
                  <Untrusted text={origin.name} /> <Untrusted text={origin.version} />
                </span>
              ),
            ],
            [t('rule.author'), rule.author === undefined ? undefined : <Untrusted key="a" text={rule.author} />],
            [t('rule.licence'), rule.licence === undefined ? undefined : <Untrusted key="l" text={rule.licence} />],
            [
              t('rule.reference'),
              rule.reference === undefined ? undefined : <Reference key="r" text={rule.reference} />,
            ],
            [t('rule.id'), <Untrusted key="id" text={rule.ruleId} code />],
            [t('rules.page.advice'), advice === undefined ? undefined : <Untrusted key="advice" text={advice} />],
          ]}
        />
      </Stack>
    </Panel>
  );
}
