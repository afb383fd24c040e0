import { Button, NativeSelect, Text } from '@mantine/core';
import { RULE_SYSTEMS, SEVERITIES } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { RULE_SORTS, type RuleRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Toolbar } from '../../components/filter-bar.tsx';
import { RowLink } from '../../components/row-link.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { PAGE_SIZE, usePageList } from '../../components/use-page-list.ts';
import { useUrlChoice, useUrlFilter } from '../../components/use-url-filter.ts';
import { RuleLevel } from './rule-level.tsx';
import { useRuleTitle } from './rule-words.ts';

const SORTS = RULE_SORTS.flatMap((sort) => [`-${sort}`, sort] as const);
const DEFAULT_SORT = '-level';

function useColumns(): readonly Column<RuleRow>[] {
  const { t } = useTranslation();
  const title = useRuleTitle();
  return [
    {
      id: 'title',
      header: t('rules.list.column.title'),
      cell: (row) => (
        <RowLink to={`/settings/rules/${row.ruleId}`}>
          <Untrusted text={title(row)} />
        </RowLink>
      ),
      width: 'minmax(0, 3fr)',
      sortable: true,
      narrow: 'first',
    },
    {
      id: 'level',
      header: t('rules.list.column.level'),
      cell: (row) => <RuleLevel level={row.severity} />,
      width: '7.5rem',
      sortable: true,
      narrow: 'second',
    },
    {
      id: 'system',
      header: t('rules.list.column.system'),
      cell: (row) => t(`rulePacks.system.${row.system}`),
      width: '6.5rem',
      sortable: true,
      narrow: 'second',
    },
    {
      id: 'techniques',
      header: t('rules.list.column.techniques'),
      cell: (row) => row.techniques.slice(0, 2).join(', ') + (row.techniques.length > 2 ? ' …' : ''),
      width: 'minmax(0, 1fr)',
      narrow: 'hidden',
    },
    {
      id: 'canFire',
      header: t('rules.list.column.canFire'),
      cell: (row) => t(`rules.canFire.${canFireWord(row)}`),
      width: '7.5rem',
      narrow: 'hidden',
    },
    {
      id: 'origin',
      header: t('rules.list.column.origin'),
      cell: ({ origin }) =>
        origin.kind === 'built-in' ? t('rules.origin.builtIn') : <Untrusted text={origin.name} truncate />,
      width: 'minmax(0, 1fr)',
      narrow: 'second',
    },
    {
      id: 'detections',
      header: t('rules.list.column.detections'),
      cell: (row) => t('rules.detections', { count: row.detections }),
      width: '8rem',
      sortable: true,
      narrow: 'second',
      align: 'end',
    },
  ];
}

export function canFireWord({ canFire }: Pick<RuleRow, 'canFire'>): 'yes' | 'no' | 'unknown' {
  if (canFire === undefined) return 'unknown';
  return canFire ? 'yes' : 'no';
}

/** Every rule that some endpoint runs. */
export function RuleListPanel() {
  const { t } = useTranslation();
  const [search, setSearch] = useUrlFilter('q');
  const [level, setLevel] = useUrlChoice('level', SEVERITIES);
  const [system, setSystem] = useUrlChoice('system', RULE_SYSTEMS);
  const [sort, setSort] = useUrlChoice('sort', SORTS);
  const [, setParams] = useSearchParams();
  const columns = useColumns();
  const list = usePageList(['rules', search, level, system, sort], (cursor, signal) =>
    callApi(
      'listRules',
      { query: { limit: PAGE_SIZE, search, level, system, sort: sort ?? DEFAULT_SORT, cursor } },
      signal,
    ),
  );
  const { query, rows, first } = list;
  const filtered = search !== undefined || level !== undefined || system !== undefined;
  return (
    <div>
      <Toolbar>
        <SearchBox label={t('rules.list.search')} value={search} onChange={setSearch} />
        <NativeSelect
          aria-label={t('rules.list.level')}
          value={level ?? ''}
          onChange={(event) => setLevel(SEVERITIES.find((each) => each === event.currentTarget.value))}
          data={[
            { value: '', label: t('rules.list.allLevels') },
            ...SEVERITIES.toReversed().map((each) => ({ value: each, label: t(`severity.${each}`) })),
          ]}
        />
        <NativeSelect
          aria-label={t('rules.list.system')}
          value={system ?? ''}
          onChange={(event) => setSystem(RULE_SYSTEMS.find((each) => each === event.currentTarget.value))}
          data={[
            { value: '', label: t('rules.list.allSystems') },
            ...RULE_SYSTEMS.map((each) => ({ value: each, label: t(`rulePacks.system.${each}`) })),
          ]}
        />
        <NativeSelect
          hiddenFrom="sm"
          aria-label={t('list.sort')}
          value={sort ?? DEFAULT_SORT}
          onChange={(event) => setSort(SORTS.find((each) => each === event.currentTarget.value))}
          data={SORTS.map((value) => ({ value, label: t(`rules.list.sort.${value}`) }))}
        />
      </Toolbar>
      {first === undefined || first.total === 0 ? null : (
        <Text size="sm" c="dimmed" mb="xs">
          {t('rules.list.total', { count: first.total })}
        </Text>
      )}
      {query.isError ? (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isSuccess && rows.length === 0 ? (
        filtered ? (
          <EmptyNotice
            title={t('list.nothingFound')}
            action={
              <Button variant="default" onClick={() => setParams({}, { replace: true })}>
                {t('list.clearFilters')}
              </Button>
            }
          />
        ) : (
          <EmptyNotice title={t('rules.list.empty.title')}>{t('rules.list.empty.words')}</EmptyNotice>
        )
      ) : (
        <DataTable
          label={t('rules.view.list')}
          columns={columns}
          rows={rows}
          rowId={(row) => row.ruleId}
          sort={sort ?? DEFAULT_SORT}
          onSort={(next) => setSort(SORTS.find((each) => each === next))}
          loading={query.isPending}
          onEndReached={list.onEndReached}
          total={query.hasNextPage ? -1 : rows.length}
        />
      )}
    </div>
  );
}
