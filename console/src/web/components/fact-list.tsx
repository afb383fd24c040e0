import type { ReactNode } from 'react';
import classes from './fact-list.module.css';

interface FactListProps {
  readonly facts: readonly (readonly [name: string, value: ReactNode])[];
  /** Beside each other where there is room. */
  readonly columns?: 1 | 2;
}

/** Names and values; what is unknown is left out. */
export function FactList({ facts, columns = 1 }: FactListProps) {
  return (
    <dl className={classes['facts']} data-columns={columns}>
      {facts.map(([name, value]) =>
        value === undefined || value === null ? null : (
          <div key={name} className={classes['fact']}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
