import { Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './empty-notice.module.css';

/** A list without rows: why it is empty, and what to do. */
export function EmptyNotice({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <output className={classes['empty']}>
      <Stack gap="xs" align="flex-start">
        <Text fw={700} size="lg">
          {title}
        </Text>
        {children === undefined ? null : <Text component="div">{children}</Text>}
        {action}
      </Stack>
    </output>
  );
}
