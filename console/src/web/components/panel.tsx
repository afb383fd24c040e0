import { Group, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import classes from './panel.module.css';

interface PanelProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Stands at the right of the title. */
  readonly aside?: ReactNode;
  readonly padded?: boolean;
}

/** A titled region of a page. */
export function Panel({ title, children, aside, padded = true }: PanelProps) {
  const id = useId();
  return (
    <section className={classes['panel']} aria-labelledby={id}>
      <Group justify="space-between" className={classes['head']} gap="sm">
        <Title order={2} id={id}>
          {title}
        </Title>
        {aside}
      </Group>
      <div className={padded ? classes['body'] : undefined}>{children}</div>
    </section>
  );
}
