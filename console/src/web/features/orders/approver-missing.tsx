import { Stack, Text } from '@mantine/core';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'react-router';
import { useSession } from '../../app/session.ts';
import { CopyLine } from '../../components/copy-line.tsx';
import { Notice } from '../../components/notice.tsx';
import { rememberPage } from '../sign-in/remembered-page.ts';
import { adminLinkCommand } from './admin-link.ts';
import type { ApproverState } from './use-approver.ts';

/** Why this browser can only look, and how it is registered. */
export function ApproverMissing({ reason }: { reason: Extract<ApproverState, { state: 'missing' }>['reason'] }) {
  const { t } = useTranslation();
  const session = useSession();
  const { pathname, search } = useLocation();
  useEffect(() => rememberPage(pathname + search, Date.now()), [pathname, search]);
  return (
    <Notice tone="attention">
      <Stack gap="xs">
        <Text fw={700}>{t('approver.missing.title')}</Text>
        <Text>{t(`approver.missing.${reason}`)}</Text>
        {reason === 'insecure_context' ? null : (
          <CopyLine text={adminLinkCommand(session.user.name)} label={t('approver.missing.command')} />
        )}
      </Stack>
    </Notice>
  );
}
