import { Group, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import classes from './panel.module.css';

interface PanelProps {
  readonly title: string;
  readonly children: ReactNode;
  /** A sentence below the title, where the rest has no padding. */
  readonly words?: string;
  /** Stands at the right of the title. */
  readonly aside?: ReactNode;
  readonly padded?: boolean;
}

/** A titled region of a page. */
export function Panel({ title, children, words, aside, padded = true }: PanelProps) {
  const id = useId();
  return (
    <section className={classes['panel']} aria-labelledby={id}>
      <Group justify="space-between" className={classes['head']} gap="sm">
        <Title order={2} id={id}>
          {title}
        </Title>
        {aside}
      </Group>
      {words === undefined ? null : <div className={classes['body']}>{words}</div>}
      <div className={padded ? classes['body'] : undefined}>{children}</div>
    </section>
  );
}
