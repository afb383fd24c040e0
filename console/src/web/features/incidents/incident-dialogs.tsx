import { List, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { IncidentDetail } from '../../../api/index.ts';
import { Untrusted } from '../../components/untrusted.tsx';
import { OrderDialog } from '../orders/order-dialog.tsx';
import { CloseDialog } from './close-dialog.tsx';
import { ExclusionDialog } from './exclusion-dialog.tsx';

export type IncidentDialog = 'restore' | 'exclude' | 'contain' | 'close';

interface IncidentDialogsProps {
  readonly incident: IncidentDetail;
  readonly open: IncidentDialog | undefined;
  readonly onOpen: (dialog: IncidentDialog | undefined) => void;
}

/** The dialog of the button that was pressed. */
export function IncidentDialogs({ incident, open, onOpen }: IncidentDialogsProps) {
  const { t } = useTranslation();
  const close = () => onOpen(undefined);
  switch (open) {
    case undefined:
      return null;
    case 'restore':
      return <RestoreDialog incident={incident} onClose={close} />;
    case 'contain':
      return (
        <OrderDialog
          title={t('contain.title')}
          explanation={
            <Stack gap="xs">
              <Text>
                <Untrusted text={incident.endpointName} /> {t('contain.willHappen')}
              </Text>
              <Text>{t('contain.undoHint')}</Text>
            </Stack>
          }
          confirm={t('contain.confirm')}
          dangerous
          requests={[
            { endpointId: incident.endpointId, action: { kind: 'contain-story', storyId: incident.story.storyId } },
          ]}
          onClose={close}
        />
      );
    case 'exclude':
      return (
        <ExclusionDialog
          incident={incident}
          onClose={close}
          onRestore={() => onOpen('restore')}
          onCloseIncident={() => onOpen('close')}
        />
      );
    case 'close':
      return (
        <CloseDialog
          incidentIds={[incident.incidentId]}
          suggested={incident.safeTest ? 'test' : 'handled'}
          onClose={close}
        />
      );
  }
}

function RestoreDialog({ incident, onClose }: { incident: IncidentDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const files = incident.story.files.flatMap((file) =>
    file.state === 'quarantined' && file.quarantineId !== undefined
      ? [{ ...file, quarantineId: file.quarantineId }]
      : [],
  );
  return (
    <OrderDialog
      title={t('restore.title')}
      explanation={
        <Stack gap="xs">
          <Text>{t('restore.willHappen', { count: files.length })}</Text>
          <List size="sm">
            {files.map((file) => (
              <List.Item key={file.quarantineId}>
                <Untrusted text={file.path} code />
              </List.Item>
            ))}
          </List>
          <Text>{t('restore.warning')}</Text>
        </Stack>
      }
      confirm={t('restore.confirm', { count: files.length })}
      requests={files.map((file) => ({
        endpointId: incident.endpointId,
        action: { kind: 'restore-file', quarantineId: file.quarantineId },
        subject: file.path,
      }))}
      onClose={onClose}
    />
  );
}
