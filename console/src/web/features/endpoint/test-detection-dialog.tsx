import { Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { EndpointDetail } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { Notice } from '../../components/notice.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { OrderDialog } from '../orders/order-dialog.tsx';

/** Orders the harmless test and waits for the incident that it makes. */
export function TestDetectionDialog({ endpoint, onClose }: { endpoint: EndpointDetail; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <OrderDialog
      title={t('endpoint.test.title')}
      explanation={
        <Stack gap="xs">
          <Text>
            <Untrusted text={endpoint.displayName} />: {t('endpoint.test.willHappen')}
          </Text>
          <Text>{t('endpoint.test.harmless')}</Text>
          {endpoint.state === 'offline' ? <Notice tone="attention">{t('endpoint.test.offline')}</Notice> : null}
        </Stack>
      }
      confirm={t('endpoint.test.confirm')}
      requests={[{ endpointId: endpoint.endpointId, action: { kind: 'test-detection' } }]}
      onClose={onClose}
      renderAfter={(run) => {
        const order = run.orders[0];
        if (order === undefined || order.state !== 'done') return null;
        return <AwaitIncident endpointId={endpoint.endpointId} since={order.orderedAt} />;
      }}
    />
  );
}

/** Clocks of console and endpoint differ a little; `receivedAt` is the console's, like the order's time. */
function AwaitIncident({ endpointId, since }: { endpointId: string; since: number }) {
  const { t } = useTranslation();
  const [startedAt] = useState(() => Date.now());
  const query = useQuery({
    queryKey: ['incidents', 'of-test', endpointId, since],
    queryFn: ({ signal }) =>
      callApi('listIncidents', { query: { endpointId, limit: 20, sort: '-receivedAt' } }, signal),
    refetchInterval: 2_000,
  });
  const incident = query.data?.items.find((row) => row.safeTest && row.updatedAt >= since);
  const slow = incident === undefined && query.dataUpdatedAt - startedAt > 20_000;
  return incident === undefined ? (
    <output>
      <Group gap="sm" wrap="nowrap">
        <Loader size="sm" aria-hidden />
        <Text>{slow ? t('endpoint.test.slow') : t('endpoint.test.waiting')}</Text>
      </Group>
    </output>
  ) : (
    <Notice tone="settled" live>
      <Text mb="xs">{t('endpoint.test.arrived')}</Text>
      <Button component={Link} to={`/incidents/${incident.incidentId}`}>
        {t('endpoint.test.open')}
      </Button>
    </Notice>
  );
}
