import { Alert, Anchor, Breadcrumbs, Button, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import type { IncidentDetail } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { incidentStatus } from '../../components/status.ts';
import { ContainmentBadge, IncidentStatusBadge } from '../../components/status-badge.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useDocumentTitle } from '../../components/use-document-title.ts';
import { visibleText } from '../../components/visible-text.ts';
import { type IncidentDialog, IncidentDialogs } from './incident-dialogs.tsx';
import { ProcessTree } from './process-tree.tsx';
import { RawFields } from './raw-fields.tsx';
import { StoryRules } from './rule-facts.tsx';
import { StorySummary } from './story-summary.tsx';
import { Timeline } from './timeline.tsx';

export default function IncidentPage() {
  const { t } = useTranslation();
  const incidentId = useParams()['incidentId'] ?? '';
  const query = useQuery({
    queryKey: ['incidents', incidentId],
    queryFn: ({ signal }) => callApi('getIncident', { params: { incidentId } }, signal),
  });
  return (
    <Stack gap="md">
      <Breadcrumbs>
        <Anchor component={Link} to="/incidents">
          {t('nav.incidents')}
        </Anchor>
        <Text component="span" c="dimmed">
          {query.data === undefined ? (
            t('incident.one')
          ) : (
            <Untrusted text={query.data.endpointName} truncate style={{ maxWidth: '60vw' }} />
          )}
        </Text>
      </Breadcrumbs>
      {query.isPending ? <IncidentSkeleton /> : null}
      {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
      {query.data === undefined ? null : <Incident incident={query.data} />}
    </Stack>
  );
}

function IncidentSkeleton() {
  return (
    <Stack gap="md" aria-hidden>
      <Skeleton height={26} width={180} />
      <Skeleton height={34} />
      <Skeleton height={120} />
      <Skeleton height={260} />
    </Stack>
  );
}

function Incident({ incident }: { incident: IncidentDetail }) {
  const { t } = useTranslation();
  const [dialog, setDialog] = useState<IncidentDialog | undefined>();
  useDocumentTitle(`${visibleText(incident.endpointName, 40)} ${t('incident.one')}`);
  return (
    <>
      <Group gap="sm">
        <IncidentStatusBadge status={incidentStatus(incident)} />
        <ContainmentBadge containment={incident.containment} />
        {incident.safeTest ? <Text size="sm">{t('incident.safeTest')}</Text> : null}
        <Text component="span" size="sm" c="dimmed">
          <TimeText time={incident.occurredAt} />
          {' · '}
          <Anchor component={Link} to={`/endpoints/${incident.endpointId}`} size="sm">
            <Untrusted text={incident.endpointName} />
          </Anchor>
          {incident.hostname === incident.endpointName ? null : (
            <>
              {' ('}
              <Untrusted text={incident.hostname} />
              {')'}
            </>
          )}
        </Text>
      </Group>
      <StorySummary incident={incident} />
      <IncidentActions incident={incident} onOpen={setDialog} />
      <Panel title={t('timeline.title')}>
        <Timeline incident={incident} />
      </Panel>
      <ProcessTree story={incident.story} />
      <Panel title={t('rule.title')}>
        <StoryRules story={incident.story} />
      </Panel>
      <Panel title={t('raw.title')}>
        <RawFields incident={incident} />
      </Panel>
      <IncidentDialogs incident={incident} open={dialog} onOpen={setDialog} />
    </>
  );
}

/** Only what makes sense now; the dangerous one never stands first among equals. */
function IncidentActions({ incident, onOpen }: { incident: IncidentDetail; onOpen: (dialog: IncidentDialog) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const reopen = useMutation({
    mutationFn: () => callApi('reopenIncident', { params: { incidentId: incident.incidentId } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['incidents'] }),
  });
  const held = incident.story.files.filter((file) => file.state === 'quarantined').length;
  const open = incident.status === 'open';
  if (!isAdmin) return <Alert variant="light">{t('order.viewerOnly')}</Alert>;
  return (
    <Stack gap="xs">
      <Group gap="sm">
        {open ? <Button onClick={() => onOpen('close')}>{t('incident.actions.close')}</Button> : null}
        {open && incident.containment === 'observed' ? (
          <Button variant="outline" color="red" onClick={() => onOpen('contain')}>
            {t('incident.actions.contain')}
          </Button>
        ) : null}
        {incident.safeTest ? null : (
          <Button variant="default" onClick={() => onOpen('exclude')}>
            {t('incident.actions.exclude')}
          </Button>
        )}
        {held > 0 ? (
          <Button variant="default" onClick={() => onOpen('restore')}>
            {t('incident.actions.restore')}
          </Button>
        ) : null}
        {open ? null : (
          <Button variant="default" loading={reopen.isPending} onClick={() => reopen.mutate()}>
            {t('incident.actions.reopen')}
          </Button>
        )}
      </Group>
      {reopen.isError ? <ErrorNotice error={reopen.error} /> : null}
    </Stack>
  );
}
