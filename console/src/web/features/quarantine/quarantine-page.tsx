import { ActionIcon, Button, Menu, NativeSelect } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import type { QuarantineRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { BulkBar, FilterBar, Toolbar } from '../../components/filter-bar.tsx';
import { Lead } from '../../components/lead.tsx';
import { AboveRowLink } from '../../components/row-link.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useBytes } from '../../components/use-bytes.ts';
import { PAGE_SIZE, usePageList } from '../../components/use-page-list.ts';
import { useUrlChoice, useUrlFilter } from '../../components/use-url-filter.ts';
import { visibleText } from '../../components/visible-text.ts';
import { baseName } from '../incidents/story-facts.ts';
import { QuarantineDialog, type QuarantineOrder } from './quarantine-dialog.tsx';

const STATES = ['held', 'restored', 'deleted'] as const;
const SORTS = ['-quarantinedAt', 'quarantinedAt', 'path', 'endpointName'] as const;

/** The id is the endpoint's own: unique only together with it. */
const rowKey = (row: QuarantineRow) => `${row.endpointId} ${row.quarantineId}`;

function useColumns(onOrder: ((order: QuarantineOrder) => void) | undefined): readonly Column<QuarantineRow>[] {
  const { t } = useTranslation();
  const bytes = useBytes();
  return [
    {
      id: 'path',
      header: t('quarantine.column.file'),
      cell: (row) => (
        <>
          <strong>
            <Untrusted text={baseName(row.path)} />
          </strong>
          <span style={{ color: 'var(--yg-dimmed)', fontSize: '0.8125rem' }}>
            <Untrusted text={row.path} code truncate />
          </span>
        </>
      ),
      width: 'minmax(0, 3fr)',
      sortable: true,
      narrow: 'first',
    },
    {
      id: 'endpointName',
      header: t('quarantine.column.machine'),
      cell: (row) => (
        <Link to={`/endpoints/${row.endpointId}`}>
          <Untrusted text={row.endpointName} />
        </Link>
      ),
      width: 'minmax(0, 1.3fr)',
      sortable: true,
      narrow: 'second',
    },
    {
      id: 'state',
      header: t('quarantine.column.state'),
      cell: (row) => t(`quarantine.state.${row.state}`),
      width: '6.5rem',
      narrow: 'second',
    },
    {
      id: 'size',
      header: t('quarantine.column.size'),
      cell: (row) => bytes(row.size),
      width: '6.5rem',
      narrow: 'second',
      align: 'end',
    },
    {
      id: 'quarantinedAt',
      header: t('quarantine.column.when'),
      cell: (row) => <TimeText time={row.quarantinedAt} />,
      width: '7rem',
      sortable: true,
      narrow: 'second',
      align: 'end',
    },
    {
      id: 'incident',
      header: t('quarantine.column.incident'),
      cell: (row) =>
        row.incidentId === undefined ? null : (
          <Link to={`/incidents/${row.incidentId}`}>{t('quarantine.toIncident')}</Link>
        ),
      width: '6rem',
      narrow: 'second',
    },
    {
      id: 'actions',
      header: t('quarantine.column.actions'),
      cell: (row) =>
        row.state === 'held' && onOrder !== undefined ? (
          <AboveRowLink>
            <RowMenu row={row} onOrder={onOrder} />
          </AboveRowLink>
        ) : null,
      width: '3.5rem',
      narrow: 'second',
      align: 'end',
    },
  ];
}

function RowMenu({ row, onOrder }: { row: QuarantineRow; onOrder: (order: QuarantineOrder) => void }) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" aria-label={t('quarantine.actionsFor', { name: baseName(row.path) })}>
          <IconDots size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onOrder({ kind: 'restore-file', rows: [row] })}>{t('quarantine.restore')}</Menu.Item>
        <Menu.Item color="red" onClick={() => onOrder({ kind: 'delete-quarantined', rows: [row] })}>
          {t('quarantine.delete')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export default function QuarantinePage() {
  const { t } = useTranslation();
  const isAdmin = useIsAdmin();
  const [search, setSearch] = useUrlFilter('q');
  const [state, setState] = useUrlChoice('state', STATES);
  const [sort, setSort] = useUrlChoice('sort', SORTS);
  const [, setParams] = useSearchParams();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [order, setOrder] = useState<QuarantineOrder | undefined>();
  const columns = useColumns(isAdmin ? setOrder : undefined);
  const list = usePageList(['quarantine', search, state, sort], (cursor, signal) =>
    callApi(
      'listQuarantine',
      { query: { limit: PAGE_SIZE, search, state, sort: sort ?? '-quarantinedAt', cursor } },
      signal,
    ),
  );
  const { query, rows } = list;
  const names = useMemo(() => new Map(rows.map((row) => [rowKey(row), baseName(row.path)])), [rows]);
  const chosen = rows.filter((row) => selected.has(rowKey(row)) && row.state === 'held');
  const held = rows.filter((row) => row.state === 'held').length;
  const filtered = search !== undefined || state !== undefined;
  return (
    <>
      <Lead name={t('nav.quarantine')} detail={t('quarantine.detail')}>
        {query.data === undefined
          ? t(query.isError ? 'list.unknown' : 'list.loading')
          : held === 0
            ? t('quarantine.lead.none')
            : query.hasNextPage
              ? t('quarantine.lead.many', { count: held })
              : t('quarantine.lead.held', { count: held })}
      </Lead>
      <Toolbar>
        <FilterBar
          label={t('quarantine.filter')}
          value={state}
          onChange={setState}
          choices={[
            { value: undefined, label: t('list.all') },
            ...STATES.map((each) => ({ value: each, label: t(`quarantine.state.${each}`) })),
          ]}
        />
        <SearchBox label={t('quarantine.search')} value={search} onChange={setSearch} />
        <NativeSelect
          hiddenFrom="sm"
          aria-label={t('list.sort')}
          value={sort ?? '-quarantinedAt'}
          onChange={(event) => setSort(SORTS.find((each) => each === event.currentTarget.value))}
          data={SORTS.map((value) => ({ value, label: t(`quarantine.sort.${value}`) }))}
        />
      </Toolbar>
      {selected.size === 0 ? null : (
        <BulkBar words={t('list.selected', { count: selected.size })}>
          <Button
            size="sm"
            variant="default"
            disabled={chosen.length === 0}
            onClick={() => setOrder({ kind: 'restore-file', rows: chosen })}
          >
            {t('quarantine.restore')}
          </Button>
          <Button
            size="sm"
            variant="outline"
            color="red"
            disabled={chosen.length === 0}
            onClick={() => setOrder({ kind: 'delete-quarantined', rows: chosen })}
          >
            {t('quarantine.delete')}
          </Button>
          <Button size="sm" variant="subtle" onClick={() => setSelected(new Set())}>
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
          <EmptyNotice title={t('quarantine.empty.title')}>{t('quarantine.empty.words')}</EmptyNotice>
        )
      ) : (
        <DataTable
          label={t('nav.quarantine')}
          columns={columns}
          rows={rows}
          rowId={rowKey}
          sort={sort ?? '-quarantinedAt'}
          onSort={(next) => setSort(SORTS.find((each) => each === next) ?? '-quarantinedAt')}
          loading={query.isPending}
          onEndReached={list.onEndReached}
          total={query.hasNextPage ? -1 : rows.length}
          selection={
            isAdmin
              ? { ids: selected, onChange: setSelected, nameOf: (id) => visibleText(names.get(id) ?? '', 80) }
              : undefined
          }
        />
      )}
      {order === undefined ? null : <QuarantineDialog order={order} onClose={() => setOrder(undefined)} />}
    </>
  );
}
