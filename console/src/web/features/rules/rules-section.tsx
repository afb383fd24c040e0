import { Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { JSX } from 'react';
import { useTranslation } from 'react-i18next';
import { FilterBar, Toolbar } from '../../components/filter-bar.tsx';
import { Notice } from '../../components/notice.tsx';
import { useUrlChoice } from '../../components/use-url-filter.ts';
import { RulePacksPanel } from '../settings/rule-packs-panel.tsx';
import { RuleListPanel } from './rule-list-panel.tsx';
import { TUNINGS_QUERY } from './rule-queries.ts';
import { SuspendedRulesPanel } from './suspended-rules-panel.tsx';
import { TunedRulesPanel } from './tuned-rules-panel.tsx';

const VIEWS = ['list', 'tuned', 'packs'] as const;

const CONTENT: Record<(typeof VIEWS)[number], () => JSX.Element | null> = {
  list: RuleListPanel,
  tuned: TunedView,
  packs: RulePacksPanel,
};

/** Detection rules: all of them, those that people changed or endpoints set aside, and packs. */
export function RulesSection() {
  const { t } = useTranslation();
  const [chosen, setChosen] = useUrlChoice('view', VIEWS);
  const view = chosen ?? 'list';
  const { data } = useQuery(TUNINGS_QUERY);
  const suspended = new Set(data?.suspended.map(({ ruleId }) => ruleId)).size;
  const Content = CONTENT[view];
  return (
    <Stack gap="md">
      {suspended === 0 || view === 'tuned' ? null : (
        <Notice tone="attention">
          <Text mb="xs">{t('rules.suspended.notice', { count: suspended })}</Text>
          <Button variant="default" size="sm" onClick={() => setChosen('tuned')}>
            {t('rules.suspended.show')}
          </Button>
        </Notice>
      )}
      <Toolbar>
        <FilterBar
          label={t('rules.views')}
          value={view}
          onChange={(next) => setChosen(next === 'list' ? undefined : next)}
          choices={VIEWS.map((each) => ({
            value: each,
            label: t(`rules.view.${each}`),
            ...(each === 'tuned' && data !== undefined ? { count: data.items.length } : {}),
          }))}
        />
      </Toolbar>
      <Content />
    </Stack>
  );
}

function TunedView() {
  const { data } = useQuery(TUNINGS_QUERY);
  return (
    <Stack gap="md">
      {data === undefined || data.suspended.length === 0 ? null : <SuspendedRulesPanel rows={data.suspended} />}
      <TunedRulesPanel />
    </Stack>
  );
}
