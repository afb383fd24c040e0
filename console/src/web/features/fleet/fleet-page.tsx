import { Button, NativeSelect } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { ENDPOINT_STATES, type FleetSummary } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { DataTable } from '../../components/data-table.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { BulkBar, FilterBar, Toolbar } from '../../components/filter-bar.tsx';
import { Lead } from '../../components/lead.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { PAGE_SIZE, usePageList } from '../../components/use-page-list.ts';
import { useUrlChoice, useUrlFilter } from '../../components/use-url-filter.ts';
import { visibleText } from '../../components/visible-text.ts';
import { type BulkOrder, BulkOrderDialog } from './bulk-order-dialog.tsx';
import { useEndpointColumns } from './endpoint-columns.tsx';
import { useFleetSentence } from './fleet-sentence.ts';

const SORTS = ['displayName', '-displayName', 'state', '-lastSeenAt', 'lastSeenAt', '-openIncidents'] as const;
const DEFAULT_SORT = 'displayName';

export default function FleetPage() {
  const { t } = useTranslation();
  const isAdmin = useIsAdmin();
  const [search, setSearch] = useUrlFilter('q');
  const [state, setState] = useUrlChoice('state', ENDPOINT_STATES);
  const [sort, setSort] = useUrlFilter('sort');
  const [, setParams] = useSearchParams();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [bulk, setBulk] = useState<BulkOrder | undefined>();
  const columns = useEndpointColumns();
  const list = usePageList(['endpoints', 'list', search, state, sort], (cursor, signal) =>
    callApi(
      'listEndpoints',
      { query: { limit: PAGE_SIZE, search, state, sort: sort ?? DEFAULT_SORT, cursor } },
      signal,
    ),
  );
  const { query, rows, first } = list;
  const names = useMemo(() => new Map(rows.map((row) => [row.endpointId, row.displayName])), [rows]);
  const chosen = rows.filter((row) => selected.has(row.endpointId) && row.state !== 'revoked');

  return (
    <>
      <FleetLead summary={first?.summary} failed={query.isError} isAdmin={isAdmin} />
      <Toolbar>
        <FilterBar
          label={t('fleet.filter')}
          value={state}
          onChange={(value) => {
            setSelected(new Set());
            setState(value);
          }}
          choices={[
            { value: undefined, label: t('list.all'), count: first?.summary.total },
            ...ENDPOINT_STATES.map((each) => ({
              value: each,
              label: t(`endpointState.${each}`),
              count: first?.summary[each],
            })),
          ]}
        />
        <SearchBox label={t('fleet.search')} value={search} onChange={setSearch} />
        <NativeSelect
          hiddenFrom="sm"
          aria-label={t('list.sort')}
          value={sort ?? DEFAULT_SORT}
          onChange={(event) => setSort(event.currentTarget.value)}
          data={SORTS.map((value) => ({ value, label: t(`fleet.sort.${value}`) }))}
        />
      </Toolbar>
      {selected.size === 0 ? null : (
        <BulkBar words={t('list.selected', { count: selected.size })}>
          {(['balanced', 'observe', 'test-detection'] as const).map((order) => (
            <Button
              key={order}
              size="sm"
              variant="default"
              disabled={chosen.length === 0}
              onClick={() => setBulk(order)}
            >
              {t(`fleet.bulk.${order}`)}
            </Button>
          ))}
          <Button size="sm" variant="subtle" onClick={() => setSelected(new Set())}>
            {t('list.clearSelection')}
          </Button>
        </BulkBar>
      )}
      {query.isError ? (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isSuccess && rows.length === 0 ? (
        search !== undefined || state !== undefined ? (
          <EmptyNotice
            title={t('list.nothingFound')}
            action={
              <Button variant="default" onClick={() => setParams({}, { replace: true })}>
                {t('list.clearFilters')}
              </Button>
            }
          />
        ) : (
          <EmptyNotice
            title={t('fleet.empty.title')}
            action={
              isAdmin ? (
                <Button component={Link} to="/settings/tokens">
                  {t('fleet.empty.action')}
                </Button>
              ) : undefined
            }
          >
            {t('fleet.empty.words')}
          </EmptyNotice>
        )
      ) : (
        <DataTable
          label={t('nav.endpoints')}
          columns={columns}
          rows={rows}
          rowId={(row) => row.endpointId}
          sort={sort ?? DEFAULT_SORT}
          onSort={setSort}
          loading={query.isPending}
          onEndReached={list.onEndReached}
          total={
            search === undefined
              ? state === undefined
                ? first?.summary.total
                : first?.summary[state]
              : query.hasNextPage
                ? -1
                : rows.length
          }
          selection={
            isAdmin
              ? { ids: selected, onChange: setSelected, nameOf: (id) => visibleText(names.get(id) ?? id, 80) }
              : undefined
          }
        />
      )}
      {bulk === undefined ? null : <BulkOrderDialog order={bulk} rows={chosen} onClose={() => setBulk(undefined)} />}
    </>
  );
}

interface FleetLeadProps {
  readonly summary: FleetSummary | undefined;
  readonly failed: boolean;
  readonly isAdmin: boolean;
}

function FleetLead({ summary, failed, isAdmin }: FleetLeadProps) {
  const { t } = useTranslation();
  const sentence = useFleetSentence();
  return (
    <Lead
      name={t('nav.endpoints')}
      detail={
        summary?.lastSeenAt === undefined ? undefined : (
          <>
            {t('fleet.lastSeen')} <TimeText time={summary.lastSeenAt} />
          </>
        )
      }
      actions={
        isAdmin ? (
          <Button component={Link} to="/settings/tokens" leftSection={<IconPlus size={18} aria-hidden />}>
            {t('fleet.add')}
          </Button>
        ) : undefined
      }
    >
      {summary === undefined ? t(failed ? 'list.unknown' : 'list.loading') : sentence(summary)}
    </Lead>
  );
}
