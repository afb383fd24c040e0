import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointDetail } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { useUndoNotice } from '../../components/use-undo-notice.tsx';
import { visibleText } from '../../components/visible-text.ts';

export function RenameDialog({ endpoint, onClose }: { endpoint: EndpointDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const undoNotice = useUndoNotice();
  const [name, setName] = useState(endpoint.displayName);
  const { endpointId } = endpoint;
  const rename = useMutation({
    mutationFn: (displayName: string) => callApi('renameEndpoint', { params: { endpointId }, body: { displayName } }),
    onSuccess: (renamed) => {
      void client.invalidateQueries({ queryKey: ['endpoints'] });
      undoNotice({
        message: t('endpoint.rename.done', { name: visibleText(renamed.displayName, 64) }),
        undo: async () => {
          await callApi('renameEndpoint', { params: { endpointId }, body: { displayName: endpoint.displayName } });
          await client.invalidateQueries({ queryKey: ['endpoints'] });
        },
      });
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title={t('endpoint.rename.title')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate(name.trim());
        }}
      >
        <Stack gap="md">
          <TextInput
            label={t('endpoint.rename.label')}
            description={t('endpoint.rename.hint')}
            value={name}
            maxLength={64}
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {rename.isError ? <ErrorNotice error={rename.error} /> : null}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t('dialog.cancel')}
            </Button>
            <Button type="submit" loading={rename.isPending} disabled={name.trim() === ''}>
              {t('endpoint.rename.confirm')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
