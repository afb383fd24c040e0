import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { FactList } from '../../components/fact-list.tsx';
import { Notice } from '../../components/notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { forgetApproverKey } from '../orders/approver-key-store.ts';
import { ApproverMissing } from '../orders/approver-missing.tsx';
import { APPROVER_KEYS_QUERY, useApprover } from '../orders/use-approver.ts';

/** Whether this browser may approve orders, with which key, and how to take that away from it. */
export function BrowserKeyPanel() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const approver = useApprover();
  const [asking, setAsking] = useState(false);
  const forget = useMutation({
    mutationFn: forgetApproverKey,
    onSuccess: () => client.invalidateQueries({ queryKey: APPROVER_KEYS_QUERY }),
  });
  return (
    <Panel title={t('browserKey.title')}>
      <Stack gap="md">
        <Text>{t('browserKey.explanation')}</Text>
        {approver.state === 'missing' ? <ApproverMissing reason={approver.reason} /> : null}
        {approver.state === 'ready' ? (
          <>
            <Notice tone="settled">{t('browserKey.ready')}</Notice>
            <FactList
              facts={[
                [t('browserKey.id'), <Untrusted key="id" text={approver.approver.keyId} code />],
                [t('browserKey.made'), <TimeText key="made" time={approver.createdAt} />],
                [t('browserKey.kind'), t('browserKey.kindWords')],
              ]}
            />
            {asking ? (
              <Notice tone="attention">
                <Stack gap="xs">
                  <Text>{t('browserKey.forgetWords')}</Text>
                  <Group gap="sm">
                    <Button variant="default" onClick={() => setAsking(false)}>
                      {t('dialog.cancel')}
                    </Button>
                    <Button
                      color="red"
                      loading={forget.isPending}
                      onClick={() => forget.mutate(approver.approver.keyId)}
                    >
                      {t('browserKey.forget')}
                    </Button>
                  </Group>
                </Stack>
              </Notice>
            ) : (
              <Button variant="default" onClick={() => setAsking(true)} style={{ alignSelf: 'flex-start' }}>
                {t('browserKey.forget')}
              </Button>
            )}
          </>
        ) : null}
      </Stack>
    </Panel>
  );
}
