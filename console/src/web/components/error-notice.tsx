import { Button, Code, Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api-client.ts';
import { errorWordsKey } from './error-words.ts';
import classes from './notice.module.css';

interface ErrorNoticeProps {
  readonly error: unknown;
  readonly onRetry?: () => void;
}

/** What went wrong, what to do, and the code to tell the help desk. */
export function ErrorNotice({ error, onRetry }: ErrorNoticeProps) {
  const { t } = useTranslation();
  const code = error instanceof ApiError ? error.code : 'internal';
  return (
    <div role="alert" className={classes['notice']} data-tone="severe">
      <IconAlertTriangle size={22} aria-hidden className={classes['icon']} />
      <Stack gap="xs" style={{ minWidth: 0 }}>
        <Text fw={700}>{t('error.title')}</Text>
        <Text>{t(errorWordsKey(code))}</Text>
        <Group gap="sm">
          {onRetry === undefined ? null : (
            <Button variant="default" size="sm" leftSection={<IconRefresh size={16} aria-hidden />} onClick={onRetry}>
              {t('error.retry')}
            </Button>
          )}
          <Text size="sm" c="dimmed">
            {t('error.code')} <Code>{code}</Code>
          </Text>
        </Group>
      </Stack>
    </div>
  );
}
