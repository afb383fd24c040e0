import { Button, Group, Stack, Text } from '@mantine/core';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useIsAdmin } from '../../app/session.ts';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Notice } from '../../components/notice.tsx';
import type { OrderRequest } from './approve.ts';
import { ApproverMissing } from './approver-missing.tsx';
import { OrderProgress } from './order-progress.tsx';
import { useApprover } from './use-approver.ts';
import { type OrderRun, useOrderRun } from './use-order-run.ts';

export interface OrderDialogProps {
  readonly title: string;
  /** What will happen, before it happens. */
  readonly explanation: ReactNode;
  readonly confirm: string;
  readonly requests: readonly OrderRequest[];
  readonly dangerous?: boolean;
  /** The orders that take it back, offered once all have ended well. */
  readonly undo?: { readonly label: string; readonly requests: readonly OrderRequest[] };
  /** What can be done next. Shown once all orders have ended. */
  readonly renderAfter?: (run: OrderRun) => ReactNode;
  /** Called once when every order has ended well. */
  readonly onDone?: () => void;
  readonly onClose: () => void;
}

/** Says what will happen, asks, shows the progress and the outcome, and offers what can follow. */
export function OrderDialog(props: OrderDialogProps) {
  const { title, explanation, confirm, requests, dangerous = false, undo, renderAfter, onDone, onClose } = props;
  const [undone, setUndone] = useState(false);
  const { t } = useTranslation();
  const isAdmin = useIsAdmin();
  const approver = useApprover();
  const run = useOrderRun();
  const ended = run.phase === 'ended';
  const allDone = ended && run.orders.every((order) => order.state === 'done');

  const told = useRef(false);
  useEffect(() => {
    if (!allDone || told.current) return;
    told.current = true;
    onDone?.();
  }, [allDone, onDone]);

  const started = run.orders.length > 0 || undone;
  const ready = isAdmin && approver.state === 'ready' && requests.length > 0;
  // A button that can be pressed gets the focus at once, and keeps it when its neighbour goes away.
  const closing = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (started) closing.current?.focus();
  }, [started]);
  return (
    <Dialog onClose={onClose} title={title}>
      <Stack gap="md">
        {started ? <OrderProgress run={run} /> : <Text component="div">{explanation}</Text>}
        {run.phase === 'failed' ? <ErrorNotice error={run.error} /> : null}
        {isAdmin ? null : <Notice tone="information">{t('order.viewerOnly')}</Notice>}
        {isAdmin && approver.state === 'missing' ? <ApproverMissing reason={approver.reason} /> : null}
        {ended ? renderAfter?.(run) : null}
        {allDone && undo !== undefined && !undone ? (
          <Button
            variant="default"
            style={{ alignSelf: 'flex-start' }}
            disabled={approver.state !== 'ready'}
            onClick={() => {
              if (approver.state !== 'ready') return;
              setUndone(true);
              run.reset();
              run.place(undo.requests, approver.approver);
            }}
          >
            {undo.label}
          </Button>
        ) : null}
        <Group justify="flex-end" gap="sm">
          <Button ref={closing} variant="default" onClick={onClose} data-autofocus={dangerous || !ready || undefined}>
            {started ? t('dialog.close') : t('dialog.cancel')}
          </Button>
          {started ? null : (
            <Button
              {...(dangerous ? { color: 'red' } : {})}
              data-autofocus={(!dangerous && ready) || undefined}
              loading={run.phase === 'placing'}
              disabled={!ready}
              onClick={() => approver.state === 'ready' && run.place(requests, approver.approver)}
            >
              {confirm}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  );
}
