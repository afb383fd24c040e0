import { Button, NativeSelect } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { type IncidentRow, LANE_WORDS, ServiceLane } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { BulkBar, FilterBar, Toolbar } from '../../components/filter-bar.tsx';
import { Lead } from '../../components/lead.tsx';
import { RowLink } from '../../components/row-link.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { type IncidentStatus, incidentStatus } from '../../components/status.ts';
import { ContainmentBadge, IncidentStatusBadge } from '../../components/status-badge.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { PAGE_SIZE, usePageList } from '../../components/use-page-list.ts';
import { useUrlChoice, useUrlFilter } from '../../components/use-url-filter.ts';
import { visibleText } from '../../components/visible-text.ts';
import { useLanguage } from '../../i18n/i18n.ts';
import { CloseDialog } from './close-dialog.tsx';
import { incidentTitle } from './incident-title.ts';

const FILTERS = [...LANE_WORDS, 'settled'] as const satisfies readonly IncidentStatus[];
const SORTS = ['-occurredAt', 'occurredAt', 'lane', 'endpointName'] as const;

function useColumns(): readonly Column<IncidentRow>[] {
  const { t } = useTranslation();
  const { language } = useLanguage();
  return useMemo(
    () => [
      {
        id: 'lane',
        header: t('incidents.column.status'),
        cell: (row) => <IncidentStatusBadge status={incidentStatus(row)} />,
        width: '9rem',
        sortable: true,
        narrow: 'second',
      },
      {
        id: 'title',
        header: t('incidents.column.what'),
        cell: (row) => (
          <RowLink to={`/incidents/${row.incidentId}`}>
            <Untrusted text={incidentTitle(row, language)} />
            {row.safeTest ? ` (${t('incident.safeTest')})` : ''}
          </RowLink>
        ),
        width: 'minmax(0, 3fr)',
        narrow: 'first',
      },
      {
        id: 'endpointName',
        header: t('incidents.column.machine'),
        cell: (row) => <Untrusted text={row.endpointName} />,
        width: 'minmax(0, 1.3fr)',
        sortable: true,
        narrow: 'second',
      },
      {
        id: 'containment',
        header: t('incidents.column.containment'),
        cell: (row) => <ContainmentBadge containment={row.containment} />,
        width: '9.5rem',
        narrow: 'second',
      },
      {
        id: 'occurredAt',
        header: t('incidents.column.when'),
        cell: (row) => <TimeText time={row.occurredAt} />,
        width: '7.5rem',
        sortable: true,
        narrow: 'second',
        align: 'end',
      },
    ],
    [t, language],
  );
}

export default function IncidentListPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useUrlFilter('q');
  const [filter, setFilter] = useUrlChoice('lane', FILTERS);
  const [sort, setSort] = useUrlChoice('sort', SORTS);
  const [endpointId, setEndpointId] = useUrlFilter('endpoint');
  const [, setParams] = useSearchParams();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [closing, setClosing] = useState(false);
  const isAdmin = useIsAdmin();
  const columns = useColumns();
  const lane = ServiceLane.safeParse(filter);
  const list = usePageList(['incidents', 'list', search, filter, sort, endpointId], (cursor, signal) =>
    callApi(
      'listIncidents',
      {
        query: {
          limit: PAGE_SIZE,
          status: filter === 'settled' ? 'closed' : 'open',
          lane: lane.success ? lane.data : undefined,
          search,
          endpointId,
          sort: sort ?? '-occurredAt',
          cursor,
        },
      },
      signal,
    ),
  );
  const { query, rows, first } = list;
  const open = first?.open;
  const names = useMemo(() => new Map(rows.map((row) => [row.incidentId, row.endpointName])), [rows]);
  const openSelected = rows.filter((row) => selected.has(row.incidentId) && row.status === 'open');
  const filtered = search !== undefined || filter !== undefined || endpointId !== undefined;

  return (
    <>
      <Lead name={t('nav.incidents')} detail={t('incidents.detail')}>
        {open === undefined
          ? t(query.isError ? 'list.unknown' : 'list.loading')
          : open.severe + open.attention > 0
            ? t('incidents.lead.open', { count: open.severe + open.attention })
            : open.information > 0
              ? t('incidents.lead.information', { count: open.information })
              : t('incidents.lead.none')}
      </Lead>
      <Toolbar>
        <FilterBar
          label={t('incidents.filter')}
          value={filter}
          onChange={(value) => {
            setSelected(new Set());
            setFilter(value);
          }}
          choices={[
            {
              value: undefined,
              label: t('incidents.allOpen'),
              count: open === undefined ? undefined : open.severe + open.attention + open.information,
            },
            ...LANE_WORDS.map((each) => ({ value: each, label: t(`status.${each}`), count: open?.[each] })),
            { value: 'settled' as const, label: t('status.settled') },
          ]}
        />
        <SearchBox label={t('incidents.search')} value={search} onChange={setSearch} />
        <NativeSelect
          hiddenFrom="sm"
          aria-label={t('list.sort')}
          value={sort ?? '-occurredAt'}
          onChange={(event) => setSort(SORTS.find((each) => each === event.currentTarget.value))}
          data={SORTS.map((value) => ({ value, label: t(`incidents.sort.${value}`) }))}
        />
        {endpointId === undefined ? null : (
          <Button variant="light" size="sm" onClick={() => setEndpointId(undefined)}>
            {t('incidents.onlyMachine', { name: visibleText(rows[0]?.endpointName ?? endpointId, 40) })}
          </Button>
        )}
      </Toolbar>
      {selected.size === 0 ? null : (
        <BulkBar words={t('list.selected', { count: selected.size })}>
          <Button size="sm" disabled={openSelected.length === 0} onClick={() => setClosing(true)}>
            {t('incidents.closeSelected')}
          </Button>
          <Button size="sm" variant="default" onClick={() => setSelected(new Set())}>
            {t('list.clearSelection')}
          </Button>
        </BulkBar>
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
          <EmptyNotice
            title={t('incidents.empty.title')}
            action={
              <Button component={Link} to="/endpoints" variant="default">
                {t('incidents.empty.action')}
              </Button>
            }
          >
            {t('incidents.empty.words')}
          </EmptyNotice>
        )
      ) : (
        <DataTable
          label={t('nav.incidents')}
          columns={columns}
          rows={rows}
          rowId={(row) => row.incidentId}
          sort={sort ?? '-occurredAt'}
          onSort={(next) => setSort(SORTS.find((each) => each === next) ?? '-occurredAt')}
          loading={query.isPending}
          onEndReached={list.onEndReached}
          total={query.hasNextPage ? -1 : rows.length}
          selection={
            isAdmin && filter !== 'settled'
              ? {
                  ids: selected,
                  onChange: setSelected,
                  nameOf: (id) => visibleText(names.get(id) ?? id, 80),
                }
              : undefined
          }
        />
      )}
      {closing ? (
        <CloseDialog
          incidentIds={openSelected.map((row) => row.incidentId)}
          suggested={openSelected.every((row) => row.safeTest) ? 'test' : 'handled'}
          onClose={() => setClosing(false)}
          onDone={() => setSelected(new Set())}
        />
      ) : null}
    </>
  );
}
