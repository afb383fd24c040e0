import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { callApi } from '../../api-client.ts';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { OrderLine } from '../orders/order-progress.tsx';
import { RowList, RowSkeletons } from './row-list.tsx';

/** The last orders with what became of them. */
export function OrdersPanel() {
  const { t } = useTranslation();
  const query = useQuery({
    queryKey: ['orders', 'recent'],
    queryFn: ({ signal }) => callApi('listOrders', { query: { limit: 100 } }, signal),
  });
  return (
    <Panel title={t('orders.title')} padded={query.data?.items.length === 0 || query.isError}>
      {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
      {query.isPending ? <RowSkeletons /> : null}
      {query.data?.items.length === 0 ? (
        <EmptyNotice title={t('orders.empty')} />
      ) : (
        <RowList
          label={t('orders.title')}
          rows={query.data?.items ?? []}
          rowId={(row) => row.orderId}
          render={(row) => (
            <>
              <OrderLine order={row} />
              <Text size="sm" c="dimmed" component="div">
                <Untrusted text={row.orderedBy} /> · <TimeText time={row.orderedAt} />
              </Text>
            </>
          )}
        />
      )}
    </Panel>
  );
}
