import { Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './lead.module.css';
import { useDocumentTitle } from './use-document-title.ts';

interface LeadProps {
  /** The page's name, small above, and the title of the browser's tab. */
  readonly name: string;
  /** The answer to the page's question, in words. */
  readonly children: ReactNode;
  /** What belongs to the answer: when it was true, what to do. */
  readonly detail?: ReactNode;
  readonly actions?: ReactNode;
}

/** The first lines of a page: one question, answered in a sentence. */
export function Lead({ name, children, detail, actions }: LeadProps) {
  useDocumentTitle(name);
  return (
    <header className={classes['lead']}>
      <Stack gap={2} className={classes['words']}>
        <Text size="sm" c="dimmed">
          {name}
        </Text>
        <Title order={1} className={classes['sentence']}>
          {children}
        </Title>
        {detail === undefined ? null : (
          <Text component="div" c="dimmed">
            {detail}
          </Text>
        )}
      </Stack>
      {actions === undefined ? null : <div className={classes['actions']}>{actions}</div>}
    </header>
  );
}
