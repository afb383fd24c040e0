import { Anchor, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { EndpointRow, FleetSummary, IncidentRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useNow } from '../../app/use-now.ts';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Lead } from '../../components/lead.tsx';
import { Panel } from '../../components/panel.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { IncidentBrief } from '../incidents/incident-brief.tsx';
import { EndpointBrief } from './endpoint-brief.tsx';
import { Figures } from './figures.tsx';

const SHOWN = 5;

function useHomeData() {
  const now = useNow();
  const incidents = (lane: 'severe' | 'attention') => ({
    queryKey: ['incidents', 'home', lane],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      callApi('listIncidents', { query: { status: 'open', lane, limit: SHOWN, sort: '-receivedAt' } }, signal),
  });
  const endpoints = (state: 'offline' | 'degraded') => ({
    queryKey: ['endpoints', 'home', state],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      callApi('listEndpoints', { query: { state, limit: SHOWN, sort: 'lastSeenAt' } }, signal),
  });
  return {
    now,
    severe: useQuery(incidents('severe')),
    attention: useQuery(incidents('attention')),
    offline: useQuery(endpoints('offline')),
    degraded: useQuery(endpoints('degraded')),
    recent: useQuery({
      queryKey: ['incidents', 'home', 'recent'],
      queryFn: ({ signal }) => callApi('listIncidents', { query: { limit: SHOWN, sort: '-receivedAt' } }, signal),
    }),
  };
}

/** What the 総務 person opens once a month: is anything asked of me? */
export default function HomePage() {
  const { t } = useTranslation();
  const { severe, attention, offline, degraded, recent } = useHomeData();
  const failed = [severe, attention, offline, degraded, recent].find((query) => query.isError);
  if (failed !== undefined) {
    return (
      <>
        <Lead name={t('nav.home')}>{t('list.unknown')}</Lead>
        <ErrorNotice error={failed.error} onRetry={() => void failed.refetch()} />
      </>
    );
  }
  const open = severe.data?.open;
  const summary = offline.data?.summary;
  if (open === undefined || summary === undefined || attention.data === undefined || degraded.data === undefined) {
    return <HomeSkeleton />;
  }
  const urgent = [...(severe.data?.items ?? []), ...attention.data.items].slice(0, SHOWN);
  const unseen = [...(offline.data?.items ?? []), ...degraded.data.items].slice(0, SHOWN);
  const quiet = recent.data?.items.filter((row) => !urgent.some((each) => each.incidentId === row.incidentId)) ?? [];
  return (
    <Stack gap="md">
      <HomeLead asked={open.severe + open.attention} summary={summary} />
      {summary.total - summary.revoked === 0 ? <NoEndpoints /> : null}
      <Urgent rows={urgent} total={open.severe + open.attention} />
      <Unseen rows={unseen} total={summary.offline + summary.degraded} />
      <Figures summary={summary} open={open} />
      {quiet.length === 0 ? null : (
        <Panel
          title={t('home.recent')}
          aside={
            <Anchor component={Link} to="/incidents?lane=settled">
              {t('home.allSettled')}
            </Anchor>
          }
          padded={false}
        >
          {quiet.map((row) => (
            <IncidentBrief key={row.incidentId} row={row} withMachine />
          ))}
        </Panel>
      )}
    </Stack>
  );
}

function HomeSkeleton() {
  const { t } = useTranslation();
  return (
    <Stack gap="md">
      <Lead name={t('nav.home')}>{t('list.loading')}</Lead>
      <Stack gap="md" aria-hidden>
        <Skeleton height={110} />
        <SimpleGrid cols={{ base: 2, sm: 4 }}>
          <Skeleton height={84} />
          <Skeleton height={84} />
          <Skeleton height={84} />
          <Skeleton height={84} />
        </SimpleGrid>
      </Stack>
    </Stack>
  );
}

function HomeLead({ asked, summary }: { asked: number; summary: FleetSummary }) {
  const { t } = useTranslation();
  const active = summary.total - summary.revoked;
  return (
    <Lead
      name={t('nav.home')}
      detail={
        active === 0 ? undefined : (
          <>
            <Anchor component={Link} to="/endpoints">
              {t('home.watching', { watching: summary.watching, count: active })}
            </Anchor>
            {summary.lastSeenAt === undefined ? null : (
              <>
                {t('home.lastCheck')} <TimeText time={summary.lastSeenAt} />
              </>
            )}
          </>
        )
      }
    >
      {active === 0
        ? t('home.lead.noEndpoints')
        : asked === 0
          ? t('home.lead.nothing')
          : t('home.lead.asked', { count: asked })}
    </Lead>
  );
}

function NoEndpoints() {
  const { t } = useTranslation();
  return (
    <EmptyNotice
      title={t('fleet.empty.title')}
      action={
        <Anchor component={Link} to="/settings/tokens">
          {t('fleet.empty.action')}
        </Anchor>
      }
    >
      {t('fleet.empty.words')}
    </EmptyNotice>
  );
}

function Urgent({ rows, total }: { rows: readonly IncidentRow[]; total: number }) {
  const { t } = useTranslation();
  if (rows.length === 0) return null;
  return (
    <Panel
      title={t('home.urgent')}
      aside={
        <Anchor component={Link} to="/incidents">
          {t('home.allOf', { count: total })}
        </Anchor>
      }
      padded={false}
    >
      {rows.map((row) => (
        <IncidentBrief key={row.incidentId} row={row} withMachine />
      ))}
    </Panel>
  );
}

function Unseen({ rows, total }: { rows: readonly EndpointRow[]; total: number }) {
  const { t } = useTranslation();
  if (rows.length === 0) return null;
  return (
    <Panel
      title={t('home.unseen')}
      aside={
        <Anchor component={Link} to="/endpoints?sort=state">
          {t('home.allOf', { count: total })}
        </Anchor>
      }
      padded={false}
    >
      {rows.map((row) => (
        <EndpointBrief key={row.endpointId} row={row} />
      ))}
      <Text size="sm" c="dimmed" px="lg" py="xs">
        {t('home.unseenHint')}
      </Text>
    </Panel>
  );
}
