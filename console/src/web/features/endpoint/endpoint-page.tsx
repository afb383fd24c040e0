import { Anchor, Breadcrumbs, Grid, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import type { EndpointDetail } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { FactList } from '../../components/fact-list.tsx';
import { Lead } from '../../components/lead.tsx';
import { Panel } from '../../components/panel.tsx';
import { hasOwnName } from '../../components/status.ts';
import { EndpointStateBadge } from '../../components/status-badge.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useBytes } from '../../components/use-bytes.ts';
import { visibleText } from '../../components/visible-text.ts';
import { EndpointActions } from './endpoint-actions.tsx';
import { EndpointIncidents } from './endpoint-incidents.tsx';
import { EndpointSensors } from './endpoint-sensors.tsx';
import { useEndpointSentence } from './endpoint-sentence.ts';
import { EndpointThings } from './endpoint-things.tsx';
import { PolicySwitch } from './policy-switch.tsx';

export default function EndpointPage() {
  const { t } = useTranslation();
  const endpointId = useParams()['endpointId'] ?? '';
  const query = useQuery({
    queryKey: ['endpoints', endpointId],
    queryFn: ({ signal }) => callApi('getEndpoint', { params: { endpointId } }, signal),
  });
  return (
    <Stack gap="md">
      <Breadcrumbs>
        <Anchor component={Link} to="/endpoints">
          {t('nav.endpoints')}
        </Anchor>
        <Text component="span" c="dimmed">
          {query.data === undefined ? (
            '…'
          ) : (
            <Untrusted text={query.data.displayName} truncate style={{ maxWidth: '60vw' }} />
          )}
        </Text>
      </Breadcrumbs>
      {query.isPending ? (
        <Stack gap="md" aria-hidden>
          <Skeleton height={34} width="60%" />
          <Skeleton height={160} />
          <Skeleton height={220} />
        </Stack>
      ) : null}
      {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
      {query.data === undefined ? null : <Endpoint endpoint={query.data} />}
    </Stack>
  );
}

function Endpoint({ endpoint }: { endpoint: EndpointDetail }) {
  const { t } = useTranslation();
  const sentence = useEndpointSentence();
  return (
    <>
      <Lead
        name={visibleText(endpoint.displayName, 80)}
        detail={
          <Stack gap={4} align="flex-start" mt={4}>
            <EndpointStateBadge state={endpoint.state} />
            <span>
              {hasOwnName(endpoint) ? (
                <>
                  <Untrusted text={endpoint.hostname} /> ·{' '}
                </>
              ) : null}
              {t('fleet.lastSeen')}{' '}
              {endpoint.lastSeenAt === undefined ? t('fleet.neverSeen') : <TimeText time={endpoint.lastSeenAt} />}
            </span>
          </Stack>
        }
        actions={<EndpointActions endpoint={endpoint} />}
      >
        {sentence(endpoint)}
      </Lead>
      <EndpointIncidents endpoint={endpoint} />
      <Grid gap="md">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <EndpointSensors endpoint={endpoint} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Stack gap="md">
            <PolicySwitch endpoint={endpoint} />
            <InventoryPanel endpoint={endpoint} />
          </Stack>
        </Grid.Col>
      </Grid>
      <EndpointThings endpoint={endpoint} />
    </>
  );
}

function InventoryPanel({ endpoint }: { endpoint: EndpointDetail }) {
  const { t } = useTranslation();
  const bytes = useBytes();
  const { inventory } = endpoint;
  return (
    <Panel title={t('endpoint.inventory.title')}>
      {inventory === undefined ? <Text c="dimmed">{t('endpoint.inventory.none')}</Text> : null}
      <FactList
        facts={[
          [t('endpoint.inventory.host'), <Untrusted key="h" text={endpoint.hostname} />],
          [
            t('endpoint.inventory.os'),
            inventory === undefined ? undefined : (
              <Untrusted
                key="o"
                text={[inventory.osName, inventory.osVersion].filter((each) => each !== undefined).join(' ')}
              />
            ),
          ],
          [
            t('endpoint.inventory.kernel'),
            inventory?.kernel === undefined ? undefined : <Untrusted key="k" text={inventory.kernel} />,
          ],
          [
            t('endpoint.inventory.architecture'),
            inventory === undefined ? undefined : <Untrusted key="a" text={inventory.architecture} />,
          ],
          [
            t('endpoint.inventory.cpu'),
            inventory?.cpu === undefined ? undefined : <Untrusted key="c" text={inventory.cpu} />,
          ],
          [
            t('endpoint.inventory.memory'),
            inventory?.memoryBytes === undefined ? undefined : bytes(inventory.memoryBytes),
          ],
          [
            t('endpoint.inventory.addresses'),
            inventory === undefined || inventory.addresses.length === 0 ? undefined : (
              <Untrusted key="n" text={inventory.addresses.join(', ')} />
            ),
          ],
          [t('endpoint.inventory.agent'), <Untrusted key="v" text={endpoint.agentVersion} />],
          [t('endpoint.inventory.enrolled'), <TimeText key="e" time={endpoint.enrolledAt} />],
          [
            t('endpoint.inventory.certificate'),
            endpoint.certificateExpiresAt === undefined ? undefined : (
              <TimeText key="x" time={endpoint.certificateExpiresAt} />
            ),
          ],
          [
            t('endpoint.inventory.seat'),
            endpoint.seatStartedAt === undefined ? undefined : <TimeText key="s" time={endpoint.seatStartedAt} />,
          ],
          [t('endpoint.inventory.id'), <Untrusted key="i" text={endpoint.endpointId} code />],
        ]}
      />
    </Panel>
  );
}
