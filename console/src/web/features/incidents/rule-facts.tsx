import { Anchor, Stack, Text } from '@mantine/core';
import type { RuleFacts, Story } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { FactList } from '../../components/fact-list.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useLanguage } from '../../i18n/i18n.ts';
import classes from './rule-facts.module.css';

/** The rules of a story, each once. */
export function StoryRules({ story }: { story: Story }) {
  const rules = [...new Map(story.detections.map(({ rule }) => [rule.ruleId, rule])).values()];
  return (
    <Stack gap="lg">
      {rules.map((rule) => (
        <Rule key={rule.ruleId} rule={rule} />
      ))}
    </Stack>
  );
}

/** Only a web address of the common kind becomes a link; everything else stays text. */
function safeLink(reference: string): string | undefined {
  try {
    const url = new URL(reference);
    return url.protocol === 'https:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}

function Rule({ rule }: { rule: RuleFacts }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const explanation = rule.explanation?.[language];
  return (
    <div className={classes['rule']}>
      <Text fw={700}>
        <Untrusted text={rule.localTitle?.[language] ?? rule.title} />
      </Text>
      {explanation === undefined ? null : (
        <Text mb="xs">
          <Untrusted text={explanation} />
        </Text>
      )}
      <FactList
        columns={2}
        facts={[
          [
            t('rule.severity'),
            rule.tunedFrom === undefined
              ? t(`severity.${rule.severity}`)
              : t('rules.change.tunedFrom', {
                  level: t(`severity.${rule.severity}`),
                  own: t(`severity.${rule.tunedFrom}`),
                }),
          ],
          [t('rule.confidence'), t(`confidence.${rule.confidence}`)],
          [t('rule.source'), t(`ruleSource.${rule.source}`)],
          ['ATT&CK', rule.techniques.length === 0 ? undefined : <Techniques key="t" ids={rule.techniques} />],
          [t('rule.author'), rule.author === undefined ? undefined : <Untrusted key="a" text={rule.author} />],
          [t('rule.licence'), rule.licence === undefined ? undefined : <Untrusted key="l" text={rule.licence} />],
          [t('rule.reference'), rule.reference === undefined ? undefined : <Reference key="r" text={rule.reference} />],
          [t('rule.id'), <Untrusted key="id" text={rule.ruleId} code />],
        ]}
      />
      {rule.source === 'indicator' ? null : (
        <Text size="sm" mt="xs">
          <Link to={`/settings/rules/${rule.ruleId}`}>{t('rules.page.link')}</Link>
        </Text>
      )}
    </div>
  );
}

/** Where a rule comes from, as its author wrote it. */
export function Reference({ text }: { text: string }) {
  const link = safeLink(text);
  return link === undefined ? (
    <Untrusted text={text} />
  ) : (
    <Anchor href={link} target="_blank" rel="noopener noreferrer nofollow">
      <Untrusted text={text} />
    </Anchor>
  );
}

/** The ids' form is checked by the schema, so they can stand in an address. */
export function Techniques({ ids }: { ids: readonly string[] }) {
  return (
    <span className={classes['techniques']}>
      {ids.map((id) => (
        <Anchor
          key={id}
          href={`https://attack.mitre.org/techniques/${id.replace('.', '/')}/`}
          target="_blank"
          rel="noopener noreferrer"
        >
          {id}
        </Anchor>
      ))}
    </span>
  );
}
