import { Button, Code, Group, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useRouteError } from 'react-router';
import { visibleText } from '../components/visible-text.ts';
import { SignInFrame } from '../features/sign-in/sign-in-frame.tsx';

/** A bug of this page, said in words: what to do, and what to tell the help desk. */
export function CrashPage() {
  const { t } = useTranslation();
  const error = useRouteError();
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return (
    <SignInFrame>
      <Title order={1}>{t('crash.title')}</Title>
      <Text>{t('crash.words')}</Text>
      <Group gap="sm">
        <Button onClick={() => window.location.reload()}>{t('crash.reload')}</Button>
        <Button variant="default" component="a" href="/">
          {t('notFound.home')}
        </Button>
      </Group>
      <Code block>{visibleText(text, 500)}</Code>
    </SignInFrame>
  );
}
