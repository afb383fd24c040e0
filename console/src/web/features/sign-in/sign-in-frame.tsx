import { Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { LanguageSwitch } from '../../app/language-switch.tsx';
import { Wordmark } from '../../app/wordmark.tsx';
import classes from './sign-in-frame.module.css';

/** The frame of everything that is shown without a session. */
export function SignInFrame({ children }: { children: ReactNode }) {
  return (
    <div className={classes['page']}>
      <header className={classes['head']}>
        <Wordmark />
        <LanguageSwitch />
      </header>
      <main className={classes['card']}>
        <Stack gap="md">{children}</Stack>
      </main>
    </div>
  );
}
