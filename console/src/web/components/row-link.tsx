import type { ReactNode } from 'react';
import { Link } from 'react-router';
import classes from './data-table.module.css';

/** The one link of a table's row: clicking anywhere on the row follows it. */
export function RowLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link to={to} className={classes['rowLink']}>
      {children}
    </Link>
  );
}

/** Something in a row that answers to clicks of its own. */
export function AboveRowLink({ children }: { children: ReactNode }) {
  return <span className={classes['above']}>{children}</span>;
}
