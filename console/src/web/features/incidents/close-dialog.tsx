import { Button, Group, Radio, Stack, Text, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { RESOLUTIONS, type Resolution } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { useUndoNotice } from '../../components/use-undo-notice.tsx';

interface CloseDialogProps {
  readonly incidentIds: readonly string[];
  readonly suggested: Resolution;
  readonly onClose: () => void;
  readonly onDone?: () => void;
}

/** Closes incidents one after another; what was closed before a failure stays closed. */
export function CloseDialog({ incidentIds, suggested, onClose, onDone }: CloseDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const undoNotice = useUndoNotice();
  const [resolution, setResolution] = useState<Resolution>(suggested);
  const [note, setNote] = useState('');
  const mutation = useMutation({
    mutationFn: async () => {
      for (const incidentId of incidentIds) {
        await callApi('closeIncident', { params: { incidentId }, body: { resolution, note: note.trim() } });
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['incidents'] }),
    onSuccess: () => {
      undoNotice({
        message: t('close.closed', { count: incidentIds.length }),
        undo: async () => {
          for (const incidentId of incidentIds) await callApi('reopenIncident', { params: { incidentId } });
          await client.invalidateQueries({ queryKey: ['incidents'] });
        },
      });
      onDone?.();
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title={t('close.title', { count: incidentIds.length })}>
      <Stack gap="md">
        <Text>{t('close.explanation')}</Text>
        <Radio.Group
          label={t('close.resolution')}
          value={resolution}
          onChange={(value) => setResolution(RESOLUTIONS.find((each) => each === value) ?? suggested)}
        >
          <Stack gap="xs" mt="xs">
            {RESOLUTIONS.map((each) => (
              <Radio
                key={each}
                value={each}
                label={t(`resolution.${each}`)}
                description={t(`resolutionHint.${each}`)}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Textarea
          label={t('close.note')}
          maxLength={2_000}
          autosize
          minRows={2}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        {mutation.isError ? <ErrorNotice error={mutation.error} /> : null}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            {t('dialog.cancel')}
          </Button>
          <Button loading={mutation.isPending} onClick={() => mutation.mutate()}>
            {t('close.confirm')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
