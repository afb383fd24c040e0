import { Button, Group, Progress, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { TenantOrderAction } from '@yagura/protocol';
import { type ReactNode, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { StandingOrderRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Notice } from '../../components/notice.tsx';
import { type Approver, approveForTenant } from './approve.ts';
import { ApproverMissing } from './approver-missing.tsx';
import { useApprover } from './use-approver.ts';

interface TenantOrderDialogProps {
  readonly title: string;
  /** What will happen, before it happens. */
  readonly explanation: ReactNode;
  readonly confirm: string;
  readonly action: TenantOrderAction;
  readonly dangerous?: boolean;
  /** Called once when it was placed. */
  readonly onDone?: () => void;
  readonly onClose: () => void;
}

/** One approval for every endpoint, those enrolled later included; shows how far it has come. */
export function TenantOrderDialog(props: TenantOrderDialogProps) {
  const { title, explanation, confirm, action, dangerous = false, onDone, onClose } = props;
  const { t } = useTranslation();
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const approver = useApprover();
  const place = useMutation({
    mutationFn: async (by: Approver) =>
      callApi('placeStandingOrder', { body: { approval: await approveForTenant(action, by) } }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['orders'] });
      onDone?.();
    },
  });
  const standing = useStandingOrder(place.data);
  const closing = useRef<HTMLButtonElement>(null);
  const placed = standing !== undefined;
  useEffect(() => {
    if (placed) closing.current?.focus();
  }, [placed]);
  const ready = isAdmin && approver.state === 'ready';
  return (
    <Dialog onClose={onClose} title={title}>
      <Stack gap="md">
        {standing === undefined ? <Text component="div">{explanation}</Text> : <StandingProgress row={standing} />}
        {place.isError ? <ErrorNotice error={place.error} /> : null}
        {isAdmin ? null : <Notice tone="information">{t('order.viewerOnly')}</Notice>}
        {isAdmin && approver.state === 'missing' ? <ApproverMissing reason={approver.reason} /> : null}
        <Group justify="flex-end" gap="sm">
          <Button ref={closing} variant="default" onClick={onClose} data-autofocus={dangerous || !ready || undefined}>
            {placed ? t('dialog.close') : t('dialog.cancel')}
          </Button>
          {placed ? null : (
            <Button
              data-autofocus={(!dangerous && ready) || undefined}
              loading={place.isPending}
              disabled={!ready}
              onClick={() => approver.state === 'ready' && place.mutate(approver.approver)}
            >
              {confirm}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  );
}

/** The placed order as it comes along; the live feed brings the news. */
function useStandingOrder(placed: StandingOrderRow | undefined): StandingOrderRow | undefined {
  const standingId = placed?.standingId ?? '';
  const { data } = useQuery({
    // Not with every news of an order: a fleet has thousands of them at once.
    queryKey: ['rule-tunings', 'standing', standingId],
    queryFn: ({ signal }) => callApi('getStandingOrder', { params: { standingId } }, signal),
    enabled: placed !== undefined,
    refetchInterval: ({ state }) => (state.data !== undefined && isComplete(state.data) ? false : 1_500),
  });
  return data ?? placed;
}

function isComplete({ progress: { endpoints, done, failed } }: StandingOrderRow): boolean {
  return done + failed >= endpoints;
}

function StandingProgress({ row }: { row: StandingOrderRow }) {
  const { t } = useTranslation();
  const { endpoints, done, failed } = row.progress;
  const words =
    endpoints === 0
      ? t('rules.standing.none')
      : done === endpoints
        ? t('rules.standing.done', { count: endpoints })
        : t('rules.standing.running', { endpoints, done });
  return (
    <Stack gap="sm">
      <Text fw={700} component="output">
        {words}
      </Text>
      <Progress
        value={endpoints === 0 ? 100 : (done / endpoints) * 100}
        animated={!isComplete(row)}
        color={failed > 0 ? 'orange' : 'ai'}
        aria-label={t('rules.standing.bar')}
      />
      {failed === 0 ? null : <Text>{t('rules.standing.failed', { count: failed })}</Text>}
      <Text size="sm">{t('rules.standing.later')}</Text>
    </Stack>
  );
}
