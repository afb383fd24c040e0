import { Anchor, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { EndpointDetail } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { IncidentBrief } from '../incidents/incident-brief.tsx';

const SHOWN = 5;

/** What this machine has been through lately: the open ones, else the last closed ones. */
export function EndpointIncidents({ endpoint }: { endpoint: EndpointDetail }) {
  const { t } = useTranslation();
  const { endpointId } = endpoint;
  const status = endpoint.openIncidents > 0 ? 'open' : 'closed';
  const query = useQuery({
    queryKey: ['incidents', 'of-endpoint', endpointId, status],
    queryFn: ({ signal }) => callApi('listIncidents', { query: { endpointId, status, limit: SHOWN } }, signal),
  });
  const items = query.data?.items ?? [];
  return (
    <Panel
      title={t(status === 'open' ? 'endpoint.incidents.open' : 'endpoint.incidents.closed')}
      aside={
        <Anchor component={Link} to={`/incidents?endpoint=${encodeURIComponent(endpointId)}`}>
          {t('endpoint.incidents.all')}
        </Anchor>
      }
      padded={items.length === 0}
    >
      {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
      {query.isSuccess && items.length === 0 ? <Text c="dimmed">{t('endpoint.incidents.none')}</Text> : null}
      {items.map((row) => (
        <IncidentBrief key={row.incidentId} row={row} withMachine={false} />
      ))}
    </Panel>
  );
}
