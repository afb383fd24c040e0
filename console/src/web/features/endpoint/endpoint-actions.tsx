import { ActionIcon, Button, Menu } from '@mantine/core';
import { IconDots, IconPencil, IconTestPipe, IconUserX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointDetail } from '../../../api/index.ts';
import { useIsAdmin } from '../../app/session.ts';
import { RenameDialog } from './rename-dialog.tsx';
import { RevokeDialog } from './revoke-dialog.tsx';
import { TestDetectionDialog } from './test-detection-dialog.tsx';

/** What can be done with an endpoint; the way out stands behind a menu. */
export function EndpointActions({ endpoint }: { endpoint: EndpointDetail }) {
  const { t } = useTranslation();
  const isAdmin = useIsAdmin();
  const [open, setOpen] = useState<'test' | 'rename' | 'revoke' | undefined>();
  const close = () => setOpen(undefined);
  if (!isAdmin) return null;
  const revoked = endpoint.state === 'revoked';
  return (
    <>
      {revoked ? null : (
        <Button leftSection={<IconTestPipe size={18} aria-hidden />} onClick={() => setOpen('test')}>
          {t('endpoint.test.button')}
        </Button>
      )}
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label={t('endpoint.more')}>
            <IconDots size={18} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setOpen('rename')}>
            {t('endpoint.rename.button')}
          </Menu.Item>
          {revoked ? null : (
            <Menu.Item color="red" leftSection={<IconUserX size={16} aria-hidden />} onClick={() => setOpen('revoke')}>
              {t('endpoint.revoke.button')}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {open === 'test' ? <TestDetectionDialog endpoint={endpoint} onClose={close} /> : null}
      {open === 'rename' ? <RenameDialog endpoint={endpoint} onClose={close} /> : null}
      {open === 'revoke' ? <RevokeDialog endpoint={endpoint} onClose={close} /> : null}
    </>
  );
}
