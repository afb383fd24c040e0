import { Modal } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/**
 * A dialog that is open as long as it is rendered. It holds the focus, and gives it back to what opened it,
 * or to the page when that is gone.
 */
export function Dialog({ title, onClose, children }: DialogProps) {
  const { t } = useTranslation();
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      // After this dialog's own elements have left the document.
      requestAnimationFrame(() => {
        if (document.querySelector('[role="dialog"]') !== null) return;
        const target =
          opener?.isConnected === true && opener !== document.body ? opener : document.getElementById('main');
        if (target instanceof HTMLElement) target.focus({ preventScroll: true });
      });
    },
    [opener],
  );
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('dialog.close') }}>
      {children}
    </Modal>
  );
}
