import { Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { EndpointRules } from '../../../api/index.ts';
import { Panel } from '../../components/panel.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useOutcomeWords } from '../orders/outcome-words.ts';
import { RowList } from './row-list.tsx';

interface EndpointRulesPanelProps {
  readonly endpoints: readonly EndpointRules[];
  /** Absent for those who may only look. */
  readonly onClear?: (row: EndpointRules) => void;
}

/** Which rules each endpoint said it runs, and which pack it could not use. */
export function EndpointRulesPanel({ endpoints, onClear }: EndpointRulesPanelProps) {
  const { t } = useTranslation();
  return (
    <Panel title={t('rulePacks.machines.title')} padded={false}>
      <RowList
        label={t('rulePacks.machines.title')}
        rows={endpoints}
        rowId={(row) => row.endpointId}
        render={(row) => (
          <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
            <EndpointRulesWords row={row} />
            {onClear === undefined || row.rulePack?.active === undefined ? null : (
              <Button variant="default" size="sm" onClick={() => onClear(row)} style={{ flex: 'none' }}>
                {t('rulePacks.machines.clear')}
              </Button>
            )}
          </Group>
        )}
      />
    </Panel>
  );
}

function EndpointRulesWords({ row }: { row: EndpointRules }) {
  const { t } = useTranslation();
  const outcomeWords = useOutcomeWords();
  const { active, failed } = row.rulePack ?? {};
  return (
    <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
      <Text component="div" fw={700}>
        <Link to={`/endpoints/${row.endpointId}`}>
          <Untrusted text={row.endpointName} />
        </Link>
      </Text>
      <Text component="div" size="sm" c="dimmed">
        {row.rules === undefined ? (
          t('rulePacks.machines.unknown')
        ) : (
          <>
            {active === undefined ? (
              t('rulePacks.machines.builtIn')
            ) : (
              <>
                <Untrusted text={active.name} /> <Untrusted text={active.version} />
              </>
            )}
            {' · '}
            {t('rulePacks.rules', { count: row.rules })}
          </>
        )}
      </Text>
      {failed === undefined ? null : (
        <Text component="div" size="sm">
          {t('rulePacks.machines.failed')}: <Untrusted text={failed.name} /> <Untrusted text={failed.version} />
          {' — '}
          {failed.code === 'pack_crashed' ? t('rulePacks.machines.crashed') : outcomeWords(failed.code)}
        </Text>
      )}
    </div>
  );
}
