import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { CreatedEnrolmentToken, EnrolmentTokenRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { CopyLine } from '../../components/copy-line.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Notice } from '../../components/notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { RowList, RowSkeletons } from './row-list.tsx';

const HOURS = [24, 72, 168, 720] as const;
const DEFAULT_HOURS = 72;

/** Making the command that enrols a machine, and what became of earlier ones. */
export function TokensPanel() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [making, setMaking] = useState(false);
  const [created, setCreated] = useState<CreatedEnrolmentToken | undefined>();
  const query = useQuery({ queryKey: ['tokens'], queryFn: ({ signal }) => callApi('listTokens', {}, signal) });
  const withdraw = useMutation({
    mutationFn: (tokenId: string) => callApi('withdrawToken', { params: { tokenId } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['tokens'] }),
  });
  return (
    <Stack gap="md">
      {created === undefined ? null : <NewCommand created={created} />}
      <Panel
        title={t('tokens.title')}
        aside={<Button onClick={() => setMaking(true)}>{t('tokens.make')}</Button>}
        padded={query.data?.items.length === 0 || query.isError}
      >
        {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
        {withdraw.isError ? <ErrorNotice error={withdraw.error} /> : null}
        {query.isPending ? <RowSkeletons /> : null}
        {query.data?.items.length === 0 ? (
          <EmptyNotice title={t('tokens.empty.title')}>{t('tokens.empty.words')}</EmptyNotice>
        ) : (
          <RowList
            label={t('tokens.title')}
            rows={query.data?.items ?? []}
            rowId={(row) => row.tokenId}
            render={(row) => (
              <TokenLine row={row} onWithdraw={() => withdraw.mutate(row.tokenId)} busy={withdraw.isPending} />
            )}
          />
        )}
      </Panel>
      {making ? <MakeTokenDialog onClose={() => setMaking(false)} onCreated={setCreated} /> : null}
    </Stack>
  );
}

function NewCommand({ created }: { created: CreatedEnrolmentToken }) {
  const { t } = useTranslation();
  return (
    <Notice tone="settled" live>
      <Stack gap="xs">
        <Text fw={700}>{t('tokens.created.title')}</Text>
        <Text>{t('tokens.created.words')}</Text>
        <CopyLine text={created.command} label={t('tokens.created.command')} />
        <Text size="sm">
          {t('tokens.created.until')} <TimeText time={created.expiresAt} />
        </Text>
      </Stack>
    </Notice>
  );
}

function TokenLine({ row, onWithdraw, busy }: { row: EnrolmentTokenRow; onWithdraw: () => void; busy: boolean }) {
  const { t } = useTranslation();
  return (
    <Group justify="space-between" gap="sm">
      <div>
        <Text component="div" fw={700}>
          {row.label === '' ? t('tokens.unnamed') : <Untrusted text={row.label} />}
        </Text>
        <Text component="div" size="sm" c="dimmed">
          {t(`tokens.state.${row.state}`)}
          {' · '}
          {row.usedAt === undefined ? (
            <>
              {t('tokens.until')} <TimeText time={row.expiresAt} />
            </>
          ) : (
            <TimeText time={row.usedAt} />
          )}
          {' · '}
          <Untrusted text={row.createdBy} />
          {row.endpointId === undefined ? null : (
            <>
              {' · '}
              <Link to={`/endpoints/${row.endpointId}`}>{t('tokens.toEndpoint')}</Link>
            </>
          )}
        </Text>
      </div>
      {row.state === 'open' ? (
        <Button variant="default" size="sm" disabled={busy} onClick={onWithdraw}>
          {t('tokens.withdraw')}
        </Button>
      ) : null}
    </Group>
  );
}

function MakeTokenDialog({
  onClose,
  onCreated,
}: {
  onClose: () => void;
  onCreated: (t: CreatedEnrolmentToken) => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [label, setLabel] = useState('');
  const [hours, setHours] = useState<number>(DEFAULT_HOURS);
  const create = useMutation({
    mutationFn: () => callApi('createToken', { body: { label: label.trim(), validHours: hours } }),
    onSuccess: (created) => {
      void client.invalidateQueries({ queryKey: ['tokens'] });
      onCreated(created);
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title={t('tokens.make')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <Stack gap="md">
          <Text>{t('tokens.explanation')}</Text>
          <TextInput
            label={t('tokens.label')}
            description={t('tokens.labelHint')}
            maxLength={64}
            value={label}
            data-autofocus
            onChange={(event) => setLabel(event.currentTarget.value)}
          />
          <Select
            label={t('tokens.validFor')}
            allowDeselect={false}
            value={String(hours)}
            onChange={(value) => setHours(Number(value ?? DEFAULT_HOURS))}
            data={HOURS.map((each) => ({ value: String(each), label: t('tokens.days', { count: each / 24 }) }))}
          />
          {create.isError ? <ErrorNotice error={create.error} /> : null}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t('dialog.cancel')}
            </Button>
            <Button type="submit" loading={create.isPending}>
              {t('tokens.confirm')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
