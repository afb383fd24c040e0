import { Skeleton, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './row-list.module.css';

interface RowListProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly rowId: (row: Row) => string;
  readonly render: (row: Row) => ReactNode;
}

/** A short list of things with a few words each. */
export function RowList<Row>({ label, rows, rowId, render }: RowListProps<Row>) {
  return (
    <ul className={classes['list']} aria-label={label}>
      {rows.map((row) => (
        <li key={rowId(row)} className={classes['row']}>
          {render(row)}
        </li>
      ))}
    </ul>
  );
}

export function RowSkeletons() {
  return (
    <Stack gap="sm" p="md" aria-hidden>
      <Skeleton height={20} width="70%" />
      <Skeleton height={20} width="55%" />
      <Skeleton height={20} width="62%" />
    </Stack>
  );
}
