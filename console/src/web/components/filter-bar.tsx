import { UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './filter-bar.module.css';

export interface FilterChoice<T extends string> {
  readonly value: T | undefined;
  readonly label: string;
  readonly count?: number | undefined;
}

interface FilterBarProps<T extends string> {
  readonly label: string;
  readonly value: T | undefined;
  readonly choices: readonly FilterChoice<T>[];
  readonly onChange: (value: T | undefined) => void;
}

/** One choice of a few, each with how many rows it would show. */
export function FilterBar<T extends string>({ label, value, choices, onChange }: FilterBarProps<T>) {
  return (
    <fieldset aria-label={label} className={classes['bar']}>
      {choices.map((choice) => (
        <UnstyledButton
          key={choice.value ?? ''}
          className={classes['choice'] ?? ''}
          aria-pressed={choice.value === value}
          onClick={() => onChange(choice.value)}
        >
          {choice.label}
          {choice.count === undefined ? null : (
            <span className={classes['count']}>{choice.count.toLocaleString('ja-JP')}</span>
          )}
        </UnstyledButton>
      ))}
    </fieldset>
  );
}

/** What stands above a table: search, filters, and what is selected. */
export function Toolbar({ children }: { children: ReactNode }) {
  return <div className={classes['toolbar']}>{children}</div>;
}

/** What can be done with the selected rows. */
export function BulkBar({ words, children }: { words: string; children: ReactNode }) {
  return (
    <section className={classes['bulk']} aria-label={words}>
      <strong aria-live="polite">{words}</strong>
      {children}
    </section>
  );
}
