import { Button, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { SeatRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { useNow } from '../../app/use-now.ts';
import { type Column, DataTable } from '../../components/data-table.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Toolbar } from '../../components/filter-bar.tsx';
import { Lead } from '../../components/lead.tsx';
import { MachineName } from '../../components/machine-name.tsx';
import { AboveRowLink } from '../../components/row-link.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useUrlFilter } from '../../components/use-url-filter.ts';
import { monthOf } from '../../components/when.ts';
import { useLanguage } from '../../i18n/i18n.ts';
import { lastMonths, sayMonth, sayYen } from './money-words.ts';

const MONTHS = 24;

function useColumns(onEnd: ((seat: SeatRow) => void) | undefined): readonly Column<SeatRow>[] {
  const { t } = useTranslation();
  const { language } = useLanguage();
  return [
    {
      id: 'machine',
      header: t('subscriptions.column.machine'),
      cell: (row) => (
        <Link to={`/endpoints/${row.endpointId}`}>
          <MachineName row={row} />
        </Link>
      ),
      width: 'minmax(0, 3fr)',
      narrow: 'first',
    },
    {
      id: 'startedAt',
      header: t('subscriptions.column.start'),
      cell: (row) => <TimeText time={row.startedAt} />,
      width: 'minmax(7rem, 1fr)',
      narrow: 'second',
    },
    {
      id: 'endedAt',
      header: t('subscriptions.column.end'),
      cell: (row) => (row.endedAt === undefined ? t('subscriptions.running') : <TimeText time={row.endedAt} />),
      width: 'minmax(7rem, 1fr)',
      narrow: 'second',
    },
    {
      id: 'amount',
      header: t('subscriptions.column.amount'),
      cell: (row) => sayYen(row.amountYen, language),
      width: '7rem',
      narrow: 'second',
      align: 'end',
    },
    {
      id: 'actions',
      header: t('subscriptions.column.actions'),
      cell: (row) =>
        row.endedAt === undefined && onEnd !== undefined ? (
          <AboveRowLink>
            <Button variant="subtle" size="compact-sm" onClick={() => onEnd(row)}>
              {t('subscriptions.end.button')}
            </Button>
          </AboveRowLink>
        ) : null,
      width: '8rem',
      narrow: 'second',
      align: 'end',
    },
  ];
}

export default function SubscriptionsPage() {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const isAdmin = useIsAdmin();
  const now = useNow();
  const [month, setMonth] = useUrlFilter('month');
  const [search, setSearch] = useUrlFilter('q');
  const [ending, setEnding] = useState<SeatRow | undefined>();
  const columns = useColumns(isAdmin ? setEnding : undefined);
  const shownMonth = month ?? monthOf(now);
  const query = useQuery({
    queryKey: ['subscriptions', shownMonth],
    queryFn: ({ signal }) => callApi('getSubscriptions', { query: { month: shownMonth } }, signal),
  });
  const data = query.data;
  const rows = useMemo(() => {
    const wanted = search?.toLowerCase();
    const seats = data?.seats ?? [];
    if (wanted === undefined) return seats;
    return seats.filter((seat) => `${seat.displayName}\n${seat.hostname}`.toLowerCase().includes(wanted));
  }, [data, search]);
  return (
    <>
      <Lead
        name={t('nav.subscriptions')}
        detail={
          data === undefined ? undefined : t('subscriptions.detail', { price: sayYen(data.pricePerSeatYen, language) })
        }
      >
        {data === undefined
          ? t(query.isError ? 'list.unknown' : 'list.loading')
          : t('subscriptions.lead', {
              month: sayMonth(data.month, language),
              count: data.seats.length,
              total: sayYen(data.totalYen, language),
            })}
      </Lead>
      <Toolbar>
        <NativeSelect
          aria-label={t('subscriptions.month')}
          value={shownMonth}
          onChange={(event) => setMonth(event.currentTarget.value)}
          data={lastMonths(monthOf(now), MONTHS).map((each) => ({ value: each, label: sayMonth(each, language) }))}
        />
        <SearchBox label={t('subscriptions.search')} value={search} onChange={setSearch} />
      </Toolbar>
      {query.isError ? (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isSuccess && rows.length === 0 ? (
        <EmptyNotice title={search === undefined ? t('subscriptions.empty.title') : t('list.nothingFound')}>
          {search === undefined ? t('subscriptions.empty.words') : undefined}
        </EmptyNotice>
      ) : (
        <DataTable
          label={t('nav.subscriptions')}
          columns={columns}
          rows={rows}
          rowId={(row) => row.seatId}
          loading={query.isPending}
        />
      )}
      {ending === undefined ? null : <EndSeatDialog seat={ending} onClose={() => setEnding(undefined)} />}
    </>
  );
}

function EndSeatDialog({ seat, onClose }: { seat: SeatRow; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => callApi('endSeat', { params: { seatId: seat.seatId } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['subscriptions'] });
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title={t('subscriptions.end.title')}>
      <Stack gap="md">
        <Text fw={700}>
          <Untrusted text={seat.displayName} />
        </Text>
        <Text>{t('subscriptions.end.willHappen')}</Text>
        {end.isError ? <ErrorNotice error={end.error} /> : null}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t('dialog.cancel')}
          </Button>
          <Button color="red" loading={end.isPending} onClick={() => end.mutate()}>
            {t('subscriptions.end.confirm')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
