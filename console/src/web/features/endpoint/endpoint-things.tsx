import { Stack, Text } from '@mantine/core';
import { INVENTORY_CATEGORIES, type InventoryCategory } from '@yagura/protocol';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointDetail, InventoryChangeRow, InventoryRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { FilterBar, Toolbar } from '../../components/filter-bar.tsx';
import { Panel } from '../../components/panel.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { PAGE_SIZE, usePageList } from '../../components/use-page-list.ts';
import classes from './endpoint-things.module.css';
import { ThingFacts } from './thing-facts.tsx';

const SHOWN_CHANGES = 8;

/** What is on this machine: what became different lately, and each kind of thing for those who look for one. */
export function EndpointThings({ endpoint }: { endpoint: EndpointDetail }) {
  const { t } = useTranslation();
  const { endpointId } = endpoint;
  const [category, setCategory] = useState<InventoryCategory | undefined>();
  const [search, setSearch] = useState<string | undefined>();
  const list = usePageList(['endpoints', endpointId, 'things', category, search], (cursor, signal) => {
    // Without a kind only the counts and the changes are shown.
    const query = category === undefined ? { limit: 1 } : { category, search, limit: PAGE_SIZE, cursor };
    return callApi('getEndpointInventory', { params: { endpointId }, query }, signal);
  });
  const { query, rows, first } = list;
  const columns = useColumns();
  const counts = first?.counts ?? {};
  const known = INVENTORY_CATEGORIES.filter((each) => (counts[each] ?? 0) > 0);
  return (
    <Panel title={t('things.title')}>
      <Stack gap="md">
        {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
        {query.isSuccess && known.length === 0 ? <Text c="dimmed">{t('things.none')}</Text> : null}
        {known.length === 0 ? null : (
          <>
            <Changes changes={first?.changes ?? []} />
            <FilterBar
              label={t('things.choose')}
              value={category}
              choices={known.map((each) => ({
                value: each,
                label: t(`things.category.${each}`),
                count: counts[each],
              }))}
              onChange={(next) => setCategory(next === category ? undefined : next)}
            />
          </>
        )}
        {category === undefined ? null : (
          <>
            <Toolbar>
              <SearchBox label={t('things.search')} value={search} onChange={setSearch} />
            </Toolbar>
            {query.isSuccess && rows.length === 0 ? (
              <Text c="dimmed">{t('list.nothingFound')}</Text>
            ) : (
              <DataTable
                label={t(`things.category.${category}`)}
                columns={columns}
                rows={rows}
                rowId={(row) => row.key}
                loading={query.isPending}
                onEndReached={list.onEndReached}
                total={query.hasNextPage ? -1 : rows.length}
              />
            )}
          </>
        )}
      </Stack>
    </Panel>
  );
}

function useColumns(): readonly Column<InventoryRow>[] {
  const { t } = useTranslation();
  return [
    {
      id: 'name',
      header: t('things.column.name'),
      cell: (row) => <Untrusted text={nameOf(row)} truncate />,
      width: 'minmax(0, 1fr)',
      narrow: 'first',
    },
    {
      id: 'facts',
      header: t('things.column.facts'),
      cell: (row) => <ThingFacts facts={row.facts} without={['name']} />,
      width: 'minmax(0, 2.4fr)',
      narrow: 'second',
    },
    {
      id: 'changed',
      header: t('things.column.changed'),
      cell: (row) => <TimeText time={row.changedAt} />,
      width: '8rem',
      narrow: 'hidden',
    },
  ];
}

/** A package is called by its name; everything else by its key. */
function nameOf({ key, facts }: Pick<InventoryRow, 'key' | 'facts'>): string {
  return typeof facts['name'] === 'string' ? facts['name'] : key;
}

function Changes({ changes }: { changes: readonly InventoryChangeRow[] }) {
  const { t } = useTranslation();
  if (changes.length === 0) return <Text c="dimmed">{t('things.noChanges')}</Text>;
  return (
    <section aria-label={t('things.changes')}>
      <Text fw={700}>{t('things.changes')}</Text>
      <ul className={classes['changes']}>
        {changes.slice(0, SHOWN_CHANGES).map((change) => (
          <li
            key={`${change.receivedAt} ${change.category} ${change.key} ${change.kind}`}
            className={classes['change']}
          >
            <TimeText time={change.receivedAt} />
            <span>
              {t(`things.category.${change.category}`)} · {t(`things.kind.${change.kind}`)}
            </span>
            <span className={classes['what']}>
              <Untrusted text={nameOf({ key: change.key, facts: change.after ?? change.before ?? {} })} />{' '}
              <ThingFacts facts={differing(change)} without={['name']} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Of a changed thing, the facts that are different now. */
function differing({ before, after }: InventoryChangeRow): InventoryRow['facts'] {
  if (after === undefined) return {};
  if (before === undefined) return after;
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name] !== value));
}
