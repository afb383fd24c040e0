import { Button, Group, Loader, Radio, Select, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { IncidentDetail } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Notice } from '../../components/notice.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import type { OrderRequest } from '../orders/approve.ts';
import { OrderDialog } from '../orders/order-dialog.tsx';
import { useMatchWords } from './exclusion-words.ts';

interface ExclusionDialogProps {
  readonly incident: IncidentDetail;
  readonly onClose: () => void;
  /** What can follow once the exclusion is in force: restoring the files, closing. */
  readonly onRestore: () => void;
  readonly onCloseIncident: () => void;
}

const DAYS = [30, 90, 180, 365] as const;
const DEFAULT_DAYS = 180;

/** 「業務で使うソフトです」: choose how it is recognised, then approve the orders that this needs. */
export function ExclusionDialog(props: ExclusionDialogProps) {
  const { incident, onClose, onRestore, onCloseIncident } = props;
  const { t } = useTranslation();
  const [planned, setPlanned] = useState<readonly OrderRequest[] | undefined>();
  if (planned === undefined) return <ProposalForm incident={incident} onClose={onClose} onPlanned={setPlanned} />;
  const held = incident.story.files.some((file) => file.state === 'quarantined');
  return (
    <OrderDialog
      title={t('exclusion.title')}
      explanation={
        <Stack gap="xs">
          <Text>
            {t('exclusion.willHappen')} <Untrusted text={incident.endpointName} />
          </Text>
          <Text>{t('exclusion.undoHint')}</Text>
        </Stack>
      }
      confirm={t('exclusion.approve')}
      requests={planned}
      onClose={onClose}
      renderAfter={(run) =>
        run.orders.every((order) => order.state === 'done') ? (
          <Notice tone="information">
            <Text mb="xs">{held ? t('exclusion.nextRestore') : t('exclusion.nextClose')}</Text>
            <Group gap="sm">
              {held ? <Button onClick={onRestore}>{t('incident.actions.restore')}</Button> : null}
              <Button variant={held ? 'default' : 'filled'} onClick={onCloseIncident}>
                {t('incident.actions.close')}
              </Button>
            </Group>
          </Notice>
        ) : null
      }
    />
  );
}

interface ProposalFormProps {
  readonly incident: IncidentDetail;
  readonly onClose: () => void;
  readonly onPlanned: (requests: readonly OrderRequest[]) => void;
}

function ProposalForm({ incident, onClose, onPlanned }: ProposalFormProps) {
  const { t } = useTranslation();
  const matchWords = useMatchWords();
  const { incidentId, endpointId } = incident;
  const proposals = useQuery({
    queryKey: ['incidents', incidentId, 'exclusion-proposals'],
    queryFn: ({ signal }) => callApi('exclusionProposals', { params: { incidentId } }, signal),
  });
  const [chosen, setChosen] = useState('0');
  const [reason, setReason] = useState('');
  const [days, setDays] = useState<number>(DEFAULT_DAYS);
  const items = proposals.data?.items ?? [];
  const plan = useMutation({
    mutationFn: async () => {
      const match = items[Number(chosen)]?.match;
      if (match === undefined) throw new Error('no proposal chosen');
      return callApi('planExclusion', {
        body: { change: 'add', endpointId, match, reason: reason.trim(), validDays: days },
      });
    },
    onSuccess: ({ actions }) => onPlanned(actions),
  });
  return (
    <Dialog onClose={onClose} title={t('exclusion.title')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          plan.mutate();
        }}
      >
        <Stack gap="md">
          <Text>{t('exclusion.explanation')}</Text>
          {proposals.isPending ? <Loader size="sm" aria-label={t('list.loading')} /> : null}
          {proposals.isError ? <ErrorNotice error={proposals.error} onRetry={() => void proposals.refetch()} /> : null}
          {proposals.isSuccess && items.length === 0 ? (
            <Notice tone="attention">{t('exclusion.nothing')}</Notice>
          ) : (
            <Radio.Group label={t('exclusion.how')} value={chosen} onChange={setChosen}>
              <Stack gap="sm" mt="xs">
                {items.map((item, index) => (
                  <Radio
                    key={JSON.stringify(item.match)}
                    value={String(index)}
                    label={matchWords(item.match, item.ruleTitle)}
                    description={t(`exclusion.consequence.${item.match.by}`)}
                    styles={{ label: { overflowWrap: 'anywhere' } }}
                  />
                ))}
              </Stack>
            </Radio.Group>
          )}
          <Textarea
            label={t('exclusion.reason')}
            description={t('exclusion.reasonHint')}
            required
            maxLength={1_000}
            autosize
            minRows={2}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Select
            label={t('exclusion.until')}
            allowDeselect={false}
            value={String(days)}
            onChange={(value) => setDays(Number(value ?? DEFAULT_DAYS))}
            data={DAYS.map((each) => ({ value: String(each), label: t('exclusion.days', { count: each }) }))}
          />
          {plan.isError ? <ErrorNotice error={plan.error} /> : null}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t('dialog.cancel')}
            </Button>
            <Button type="submit" loading={plan.isPending} disabled={items.length === 0 || reason.trim() === ''}>
              {t('exclusion.next')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
