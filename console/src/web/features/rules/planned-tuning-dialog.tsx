import { Loader, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import type { PlanRuleTuning } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { OrderDialog } from '../orders/order-dialog.tsx';
import { TenantOrderDialog } from '../orders/tenant-order-dialog.tsx';
import { SignedTunings } from './signed-tunings.tsx';

interface PlannedTuningDialogProps {
  readonly title: string;
  readonly explanation: ReactNode;
  readonly confirm: string;
  readonly plan: PlanRuleTuning;
  readonly dangerous?: boolean;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Asks the console what has to be approved, then lets the person approve it: once for the tenant, or by endpoint. */
export function PlannedTuningDialog({ plan, ...dialog }: PlannedTuningDialogProps) {
  const { t } = useTranslation();
  const { mutate, data, isError, error } = useMutation({
    mutationFn: (body: PlanRuleTuning) => callApi('planRuleTuning', { body }),
  });
  useEffect(() => mutate(plan), [mutate, plan]);
  if (isError) {
    return (
      <Dialog onClose={dialog.onClose} title={dialog.title}>
        <ErrorNotice error={error} onRetry={() => mutate(plan)} />
      </Dialog>
    );
  }
  if (data === undefined) {
    return (
      <Dialog onClose={dialog.onClose} title={dialog.title}>
        <Loader size="sm" aria-label={t('list.loading')} />
      </Dialog>
    );
  }
  const actions = data.tenantAction === undefined ? data.actions.map(({ action }) => action) : [data.tenantAction];
  const explanation = (
    <Stack gap="md">
      <div>{dialog.explanation}</div>
      <SignedTunings actions={actions} />
    </Stack>
  );
  return data.tenantAction === undefined ? (
    <OrderDialog {...dialog} explanation={explanation} requests={data.actions} />
  ) : (
    <TenantOrderDialog {...dialog} explanation={explanation} action={data.tenantAction} />
  );
}
