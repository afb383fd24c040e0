import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { SuspendedRuleRow } from '../../../api/index.ts';
import { Panel } from '../../components/panel.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { RowList } from '../settings/row-list.tsx';

/** Rules that endpoints left out by themselves, since when, and where. */
export function SuspendedRulesPanel({ rows }: { rows: readonly SuspendedRuleRow[] }) {
  const { t } = useTranslation();
  return (
    <Panel title={t('rules.suspended.title')} words={t('rules.suspended.words')} padded={false}>
      <RowList
        label={t('rules.suspended.title')}
        rows={rows}
        rowId={(row) => `${row.endpointId} ${row.ruleId}`}
        render={(row) => <SuspendedLine row={row} />}
      />
    </Panel>
  );
}

function SuspendedLine({ row }: { row: SuspendedRuleRow }) {
  return (
    <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
      <Text component="div" fw={700}>
        <Link to={`/settings/rules/${row.ruleId}`}>
          <Untrusted text={row.title} />
        </Link>
      </Text>
      <Text component="div" size="sm" c="dimmed">
        <Link to={`/endpoints/${row.endpointId}`}>
          <Untrusted text={row.endpointName} />
        </Link>
        {' · '}
        <SuspensionTimes {...row} />
      </Text>
    </div>
  );
}

/** Since when, until when, and how often. */
export function SuspensionTimes({ since, until, times }: Pick<SuspendedRuleRow, 'since' | 'until' | 'times'>) {
  const { t } = useTranslation();
  return (
    <>
      {t('rules.suspended.since')} <TimeText time={since} />
      {' · '}
      {t('rules.suspended.until')} <TimeText time={until} />
      {' · '}
      {t('rules.suspended.times', { count: times })}
    </>
  );
}
