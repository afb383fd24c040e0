import { Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { AuditEntry } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Toolbar } from '../../components/filter-bar.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { PAGE_SIZE, usePageList } from '../../components/use-page-list.ts';
import { useUrlFilter } from '../../components/use-url-filter.ts';
import { visibleText } from '../../components/visible-text.ts';
import { useAuditWords } from './audit-words.ts';

function useColumns(): readonly Column<AuditEntry>[] {
  const { t } = useTranslation();
  const auditWords = useAuditWords();
  return [
    {
      id: 'time',
      header: t('audit.column.when'),
      cell: (row) => <TimeText time={row.time} />,
      width: '7.5rem',
      narrow: 'second',
    },
    {
      id: 'actor',
      header: t('audit.column.who'),
      cell: (row) => <Untrusted text={row.actor} />,
      width: 'minmax(0, 1fr)',
      narrow: 'second',
    },
    {
      id: 'action',
      header: t('audit.column.what'),
      cell: (row) => <span title={visibleText(row.action)}>{auditWords(row.action)}</span>,
      width: 'minmax(0, 1.4fr)',
      narrow: 'first',
    },
    {
      id: 'target',
      header: t('audit.column.target'),
      cell: (row) => (row.target === undefined ? null : <Untrusted text={row.target} code />),
      width: 'minmax(0, 1.6fr)',
      narrow: 'second',
    },
    {
      id: 'detail',
      header: t('audit.column.detail'),
      cell: (row) => (row.detail === undefined ? null : <Untrusted text={row.detail} truncate />),
      width: 'minmax(0, 2fr)',
      narrow: 'second',
    },
    {
      id: 'sequence',
      header: t('audit.column.number'),
      cell: (row) => row.sequence,
      width: '5rem',
      narrow: 'hidden',
      align: 'end',
    },
  ];
}

/** The audit log: who did what, to what, when. */
export function AuditPanel() {
  const { t } = useTranslation();
  const [search, setSearch] = useUrlFilter('q');
  const list = usePageList(['audit', search], (cursor, signal) =>
    callApi('listAudit', { query: { limit: PAGE_SIZE, search, cursor } }, signal),
  );
  const columns = useColumns();
  const { query, rows } = list;
  return (
    <Stack gap="xs">
      <Toolbar>
        <SearchBox label={t('audit.search')} value={search} onChange={setSearch} />
      </Toolbar>
      {query.isError ? (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isSuccess && rows.length === 0 ? (
        <EmptyNotice title={search === undefined ? t('audit.empty') : t('list.nothingFound')} />
      ) : (
        <DataTable
          label={t('settings.section.audit')}
          columns={columns}
          rows={rows}
          rowId={(row) => String(row.sequence)}
          loading={query.isPending}
          onEndReached={list.onEndReached}
          total={query.hasNextPage ? -1 : rows.length}
        />
      )}
    </Stack>
  );
}
