import { Button, Checkbox, Group, List, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointDetail } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Untrusted } from '../../components/untrusted.tsx';

/** The one step without a way back except a new enrolment: it asks twice, and never by default. */
export function RevokeDialog({ endpoint, onClose }: { endpoint: EndpointDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [understood, setUnderstood] = useState(false);
  const revoke = useMutation({
    mutationFn: () => callApi('revokeEndpoint', { params: { endpointId: endpoint.endpointId } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['endpoints'] });
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title={t('endpoint.revoke.title')}>
      <Stack gap="md">
        <Text fw={700}>
          <Untrusted text={endpoint.displayName} />
        </Text>
        <List>
          <List.Item>{t('endpoint.revoke.effect.connection')}</List.Item>
          <List.Item>{t('endpoint.revoke.effect.watch')}</List.Item>
          <List.Item>{t('endpoint.revoke.effect.back')}</List.Item>
        </List>
        <Checkbox
          label={t('endpoint.revoke.understood')}
          checked={understood}
          onChange={(event) => setUnderstood(event.currentTarget.checked)}
        />
        {revoke.isError ? <ErrorNotice error={revoke.error} /> : null}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t('dialog.cancel')}
          </Button>
          <Button color="red" disabled={!understood} loading={revoke.isPending} onClick={() => revoke.mutate()}>
            {t('endpoint.revoke.confirm')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
