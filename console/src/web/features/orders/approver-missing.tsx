import { Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { CopyLine } from '../../components/copy-line.tsx';
import { Notice } from '../../components/notice.tsx';
import type { ApproverState } from './use-approver.ts';

export const ADMIN_LINK_COMMAND = 'npx yagura-console admin link';

/** Why this browser can only look, and how it is registered. */
export function ApproverMissing({ reason }: { reason: Extract<ApproverState, { state: 'missing' }>['reason'] }) {
  const { t } = useTranslation();
  return (
    <Notice tone="attention">
      <Stack gap="xs">
        <Text fw={700}>{t('approver.missing.title')}</Text>
        <Text>{t(`approver.missing.${reason}`)}</Text>
        {reason === 'insecure_context' ? null : (
          <CopyLine text={ADMIN_LINK_COMMAND} label={t('approver.missing.command')} />
        )}
      </Stack>
    </Notice>
  );
}
