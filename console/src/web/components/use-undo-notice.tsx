import { Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useTranslation } from 'react-i18next';

interface UndoNotice {
  readonly message: string;
  readonly undo?: () => Promise<void>;
}

const SHOWN_MS = 10_000;
let serial = 0;

/** Says what was done in a corner of the screen, with the way back. */
export function useUndoNotice(): (notice: UndoNotice) => void {
  const { t } = useTranslation();
  return ({ message, undo }) => {
    const id = `undo-${(serial += 1)}`;
    const goBack = async () => {
      notifications.hide(id);
      try {
        await undo?.();
        notifications.show({ message: t('undo.undone'), autoClose: SHOWN_MS });
      } catch {
        notifications.show({ message: t('undo.failed'), color: 'red', autoClose: false });
      }
    };
    notifications.show({
      id,
      autoClose: SHOWN_MS,
      withBorder: true,
      closeButtonProps: { 'aria-label': t('dialog.close') },
      message: (
        <Group justify="space-between" gap="sm" wrap="nowrap">
          <Text size="sm">{message}</Text>
          {undo === undefined ? null : (
            <Button variant="default" size="xs" onClick={() => void goBack()}>
              {t('undo.do')}
            </Button>
          )}
        </Group>
      ),
    });
  };
}
