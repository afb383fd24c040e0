import { Button, FileButton, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointRules, RulePackRow, StandingOrderRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { useIsAdmin } from '../../app/session.ts';
import { CopyLine } from '../../components/copy-line.tsx';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Notice } from '../../components/notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { OrderDialog } from '../orders/order-dialog.tsx';
import { TenantOrderDialog } from '../orders/tenant-order-dialog.tsx';
import { EndpointRulesPanel } from './endpoint-rules-panel.tsx';
import { RowList, RowSkeletons } from './row-list.tsx';
import { RulePackLine } from './rule-pack-line.tsx';
import { SendRulePackDialog } from './send-rule-pack-dialog.tsx';
import { uploadRulePack } from './upload-rule-pack.ts';

const KEY = ['rule-packs'] as const;
const COMMAND = 'npx yagura-agent rules import sigma_core.zip -o sigma_core.pack --name "SigmaHQ core"';

/** The rule packs that the console holds, what is in each, and which endpoint runs which. */
export function RulePacksPanel() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const [sending, setSending] = useState<RulePackRow | undefined>();
  const [clearing, setClearing] = useState<EndpointRules | undefined>();
  const [clearingAll, setClearingAll] = useState(false);
  const query = useQuery({ queryKey: KEY, queryFn: ({ signal }) => callApi('listRulePacks', {}, signal) });
  const refresh = () => client.invalidateQueries({ queryKey: KEY });
  const add = useMutation({ mutationFn: uploadRulePack, onSettled: refresh });
  const remove = useMutation({
    mutationFn: (sha256: string) => callApi('removeRulePack', { params: { sha256 } }),
    onSettled: refresh,
  });
  const endpoints = query.data?.endpoints ?? [];
  const addButton = (
    <FileButton
      onChange={(file) => file !== null && add.mutate(file)}
      inputProps={{ 'aria-label': t('rulePacks.file') }}
    >
      {(props) => (
        <Button {...props} loading={add.isPending}>
          {add.isPending ? t('rulePacks.adding') : t('rulePacks.add')}
        </Button>
      )}
    </FileButton>
  );
  return (
    <Stack gap="md">
      {add.isError ? <ErrorNotice error={add.error} /> : null}
      {remove.isError ? <ErrorNotice error={remove.error} /> : null}
      <Panel
        title={t('rulePacks.title')}
        aside={isAdmin ? addButton : undefined}
        padded={query.data?.items.length === 0 || query.isError}
      >
        {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
        {query.isPending ? <RowSkeletons /> : null}
        {query.data?.items.length === 0 ? (
          <Stack gap="sm">
            <EmptyNotice title={t('rulePacks.empty.title')}>{t('rulePacks.empty.words')}</EmptyNotice>
            <CopyLine text={COMMAND} label={t('rulePacks.empty.command')} />
          </Stack>
        ) : (
          <RowList
            label={t('rulePacks.title')}
            rows={query.data?.items ?? []}
            rowId={(row) => row.sha256}
            render={(row) => (
              <RulePackLine
                row={row}
                endpoints={endpoints}
                busy={remove.isPending}
                {...(isAdmin ? { onSend: () => setSending(row), onRemove: () => remove.mutate(row.sha256) } : {})}
              />
            )}
          />
        )}
      </Panel>
      {query.data?.standing === undefined ? null : (
        <StandingPack row={query.data.standing} {...(isAdmin ? { onClear: () => setClearingAll(true) } : {})} />
      )}
      {endpoints.length === 0 ? null : (
        <EndpointRulesPanel endpoints={endpoints} {...(isAdmin ? { onClear: setClearing } : {})} />
      )}
      {sending === undefined ? null : (
        <SendRulePackDialog
          pack={sending}
          endpoints={endpoints}
          onDone={() => void refresh()}
          onClose={() => setSending(undefined)}
        />
      )}
      {clearingAll ? (
        <TenantOrderDialog
          title={t('rulePacks.clear.title')}
          explanation={<Text>{t('rulePacks.standing.willClear')}</Text>}
          confirm={t('rulePacks.clear.confirm')}
          action={{ kind: 'clear-rule-pack' }}
          onDone={() => void refresh()}
          onClose={() => setClearingAll(false)}
        />
      ) : null}
      {clearing === undefined ? null : (
        <OrderDialog
          title={t('rulePacks.clear.title')}
          explanation={<Text>{t('rulePacks.clear.willHappen')}</Text>}
          confirm={t('rulePacks.clear.confirm')}
          requests={[{ endpointId: clearing.endpointId, action: { kind: 'clear-rule-pack' } }]}
          onDone={() => void refresh()}
          onClose={() => setClearing(undefined)}
        />
      )}
    </Stack>
  );
}

/** What every endpoint is given, also one that is enrolled tomorrow. */
function StandingPack({ row, onClear }: { row: StandingOrderRow; onClear?: () => void }) {
  const { t } = useTranslation();
  const { action, progress } = row;
  if (action.kind !== 'set-rule-pack') return <Notice tone="information">{t('rulePacks.standing.cleared')}</Notice>;
  return (
    <Notice tone="information">
      <Text component="div">
        {t('rulePacks.standing.pack')} <Untrusted text={action.name} /> <Untrusted text={action.version} />
      </Text>
      <Text component="div" size="sm" mb="xs">
        {t('rules.tuned.progress', progress)}
        {progress.failed === 0 ? null : ` · ${t('rules.tuned.progressFailed', { count: progress.failed })}`}
      </Text>
      {onClear === undefined ? null : (
        <Button variant="default" size="sm" onClick={onClear}>
          {t('rulePacks.standing.clear')}
        </Button>
      )}
    </Notice>
  );
}
