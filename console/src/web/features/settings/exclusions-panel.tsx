import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { ExclusionRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { Dialog } from '../../components/dialog.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useMatchWords } from '../incidents/exclusion-words.ts';
import type { OrderRequest } from '../orders/approve.ts';
import { OrderDialog } from '../orders/order-dialog.tsx';
import { RowList, RowSkeletons } from './row-list.tsx';

/** What the endpoints let pass, who asked for it, and until when. */
export function ExclusionsPanel() {
  const { t } = useTranslation();
  const [ending, setEnding] = useState<ExclusionRow | undefined>();
  const query = useQuery({ queryKey: ['exclusions'], queryFn: ({ signal }) => callApi('listExclusions', {}, signal) });
  return (
    <Panel title={t('exclusions.title')} padded={query.data?.items.length === 0 || query.isError}>
      {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
      {query.isPending ? <RowSkeletons /> : null}
      {query.data?.items.length === 0 ? (
        <EmptyNotice title={t('exclusions.empty.title')}>{t('exclusions.empty.words')}</EmptyNotice>
      ) : (
        <RowList
          label={t('exclusions.title')}
          rows={query.data?.items ?? []}
          rowId={(row) => `${row.endpointId} ${row.exclusionId}`}
          render={(row) => <ExclusionLine row={row} onEnd={() => setEnding(row)} />}
        />
      )}
      {ending === undefined ? null : <EndExclusion row={ending} onClose={() => setEnding(undefined)} />}
    </Panel>
  );
}

function ExclusionLine({ row, onEnd }: { row: ExclusionRow; onEnd: () => void }) {
  const { t } = useTranslation();
  const isAdmin = useIsAdmin();
  const matchWords = useMatchWords();
  return (
    <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
      <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
        <Text component="div" fw={700}>
          {matchWords(row.match)}
        </Text>
        <Text component="div">
          <Untrusted text={row.reason} />
        </Text>
        <Text component="div" size="sm" c="dimmed">
          <Link to={`/endpoints/${row.endpointId}`}>
            <Untrusted text={row.endpointName} />
          </Link>
          {' · '}
          {t('exclusions.owner')} <Untrusted text={row.owner} />
          {' · '}
          {t('exclusions.until')} <TimeText time={row.expiresAt} />
        </Text>
      </div>
      {isAdmin ? (
        <Button variant="default" size="sm" onClick={onEnd} style={{ flex: 'none' }}>
          {t('exclusions.end.button')}
        </Button>
      ) : null}
    </Group>
  );
}

/** Ending needs orders as well: they are planned first, then approved. */
function EndExclusion({ row, onClose }: { row: ExclusionRow; onClose: () => void }) {
  const { t } = useTranslation();
  const [requests, setRequests] = useState<readonly OrderRequest[] | undefined>();
  const { mutate, isError, error } = useMutation({
    mutationFn: () =>
      callApi('planExclusion', {
        body: { change: 'end', endpointId: row.endpointId, exclusionId: row.exclusionId },
      }),
    onSuccess: ({ actions }) => setRequests(actions),
  });
  useEffect(() => mutate(), [mutate]);
  if (isError) {
    return (
      <Dialog onClose={onClose} title={t('exclusions.end.title')}>
        <ErrorNotice error={error} onRetry={() => mutate()} />
      </Dialog>
    );
  }
  return (
    <OrderDialog
      title={t('exclusions.end.title')}
      explanation={
        <Stack gap="xs">
          <Text>
            <Untrusted text={row.endpointName} />: {t('exclusions.end.willHappen')}
          </Text>
          <Text>{t('exclusions.end.undoHint')}</Text>
        </Stack>
      }
      confirm={t('exclusions.end.confirm')}
      requests={requests ?? []}
      onClose={onClose}
    />
  );
}
