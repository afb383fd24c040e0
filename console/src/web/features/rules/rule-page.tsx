import { Anchor, Breadcrumbs, Button, Group, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import type { RuleDetail, RuleTuningList, RuleTuningRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Lead } from '../../components/lead.tsx';
import { Panel } from '../../components/panel.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useLanguage } from '../../i18n/i18n.ts';
import { RowList, RowSkeletons } from '../settings/row-list.tsx';
import { EndTuningDialog } from './end-tuning-dialog.tsx';
import { RuleFactsPanel } from './rule-facts-panel.tsx';
import { TUNINGS_QUERY } from './rule-queries.ts';
import { useRuleTitle } from './rule-words.ts';
import { SuspendedRulesPanel } from './suspended-rules-panel.tsx';
import { TuneRuleDialog, type TuningKind } from './tune-rule-dialog.tsx';
import { tuningKey } from './tuned-rules-panel.tsx';
import { TuningLine } from './tuning-line.tsx';

/** One rule: what it finds, what it found, and what people changed about it. */
export default function RulePage() {
  const { t } = useTranslation();
  const ruleId = useParams()['ruleId'] ?? '';
  const rule = useQuery({
    queryKey: ['rules', 'one', ruleId],
    queryFn: ({ signal }) => callApi('getRule', { params: { ruleId } }, signal),
  });
  const { data: tunings } = useQuery(TUNINGS_QUERY);
  if (rule.isError) {
    return (
      <>
        <Lead name={t('rules.page.name')}>{t('list.unknown')}</Lead>
        <ErrorNotice error={rule.error} onRetry={() => void rule.refetch()} />
      </>
    );
  }
  if (rule.data === undefined) {
    return (
      <>
        <Lead name={t('rules.page.name')}>{t('list.loading')}</Lead>
        <RowSkeletons />
      </>
    );
  }
  return <Rule rule={rule.data} tunings={tunings} />;
}

function Rule({ rule, tunings }: { rule: RuleDetail; tunings: RuleTuningList | undefined }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const title = useRuleTitle();
  const [tuning, setTuning] = useState<TuningKind | undefined>();
  const [ending, setEnding] = useState<RuleTuningRow | undefined>();
  const own = tunings?.items.filter(({ ruleId }) => ruleId === rule.ruleId) ?? [];
  const suspended = tunings?.suspended.filter(({ ruleId }) => ruleId === rule.ruleId) ?? [];
  const refresh = () => void client.invalidateQueries({ queryKey: TUNINGS_QUERY.queryKey });
  const sentence =
    own.length > 0
      ? t('rules.page.lead.tuned')
      : rule.detections > 0
        ? t('rules.page.lead.detections', { count: rule.detections })
        : t('rules.page.lead.quiet');
  return (
    <>
      <Breadcrumbs mb="xs">
        <Anchor component={Link} to="/settings/rules">
          {t('settings.section.rules')}
        </Anchor>
        <Text component="span" c="dimmed">
          <Untrusted text={title(rule)} truncate style={{ maxWidth: '60vw' }} />
        </Text>
      </Breadcrumbs>
      <Lead
        name={t('rules.page.name')}
        detail={sentence}
        actions={
          isAdmin ? (
            <Group gap="sm">
              <Button variant="default" onClick={() => setTuning('level')}>
                {t('rules.tune.level.button')}
              </Button>
              <Button variant="default" onClick={() => setTuning('disable')}>
                {t('rules.tune.disable.button')}
              </Button>
            </Group>
          ) : undefined
        }
      >
        <Untrusted text={title(rule)} />
      </Lead>
      <Stack gap="md">
        {suspended.length === 0 ? null : <SuspendedRulesPanel rows={suspended} />}
        <Panel title={t('rules.page.changes')} padded={own.length === 0}>
          {own.length === 0 ? (
            <Text c="dimmed">{t('rules.page.none')}</Text>
          ) : (
            <RowList
              label={t('rules.page.changes')}
              rows={own}
              rowId={tuningKey}
              render={(row) => <TuningLine row={row} {...(isAdmin ? { onEnd: () => setEnding(row) } : {})} />}
            />
          )}
        </Panel>
        <RuleFactsPanel rule={rule} />
        <RuleIncidents rule={rule} />
      </Stack>
      {tuning === undefined ? null : (
        <TuneRuleDialog rule={rule} kind={tuning} onDone={refresh} onClose={() => setTuning(undefined)} />
      )}
      {ending === undefined ? null : (
        <EndTuningDialog row={ending} onDone={refresh} onClose={() => setEnding(undefined)} />
      )}
    </>
  );
}

function RuleIncidents({ rule }: { rule: RuleDetail }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const { incidents } = rule;
  return (
    <Panel title={t('rules.page.incidents')} padded={incidents.length === 0}>
      {incidents.length === 0 ? (
        <Text c="dimmed">{t('rules.page.noIncidents')}</Text>
      ) : (
        <RowList
          label={t('rules.page.incidents')}
          rows={incidents}
          rowId={(row) => row.incidentId}
          render={(row) => (
            <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
              <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
                <Link to={`/incidents/${row.incidentId}`}>
                  <Untrusted text={(language === 'ja' ? row.title.ja : undefined) ?? row.title.en} />
                </Link>
                <Text component="div" size="sm" c="dimmed">
                  <Untrusted text={row.endpointName} />
                </Text>
              </div>
              <TimeText time={row.receivedAt} />
            </Group>
          )}
        />
      )}
    </Panel>
  );
}
