import { Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { RuleTuningRow } from '../../../api/index.ts';
import { Untrusted } from '../../components/untrusted.tsx';
import { PlannedTuningDialog } from './planned-tuning-dialog.tsx';

interface EndTuningDialogProps {
  readonly row: RuleTuningRow;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** The rule becomes what it was, where this tuning holds. */
export function EndTuningDialog({ row, onDone, onClose }: EndTuningDialogProps) {
  const { t } = useTranslation();
  const { endpoint, tuningId } = row;
  return (
    <PlannedTuningDialog
      title={t('rules.end.title')}
      explanation={
        <Stack gap="xs">
          <Text fw={700}>
            <Untrusted text={row.ruleTitle} />
          </Text>
          {endpoint === undefined ? (
            <Text>{t('rules.end.willHappenEverywhere')}</Text>
          ) : (
            <Text>
              {t('rules.end.willHappenHere')} <Untrusted text={endpoint.name} />
            </Text>
          )}
        </Stack>
      }
      confirm={t('rules.end.confirm')}
      plan={{
        change: 'end',
        tuningId,
        target:
          endpoint === undefined ? { scope: 'tenant' } : { scope: 'endpoints', endpointIds: [endpoint.endpointId] },
      }}
      onDone={onDone}
      onClose={onClose}
    />
  );
}
