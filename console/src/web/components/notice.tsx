import { IconAlertOctagon, IconAlertTriangle, IconCircleCheck, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './notice.module.css';

const ICONS = {
  severe: IconAlertOctagon,
  attention: IconAlertTriangle,
  information: IconInfoCircle,
  settled: IconCircleCheck,
} as const;

interface NoticeProps {
  readonly tone: keyof typeof ICONS;
  readonly children: ReactNode;
  /** Read out when it appears while the page is open. */
  readonly live?: boolean;
}

/** A few words that a person should not miss. */
export function Notice({ tone, children, live = false }: NoticeProps) {
  const Glyph = ICONS[tone];
  return (
    <div className={classes['notice']} data-tone={tone} {...(live ? { role: 'status' } : {})}>
      <Glyph size={22} aria-hidden className={classes['icon']} />
      <div style={{ minWidth: 0, flex: 1 }}>{children}</div>
    </div>
  );
}
