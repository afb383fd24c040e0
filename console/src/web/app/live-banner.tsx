import { IconPlugConnectedX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveState } from './live-feed.ts';
import classes from './shell.module.css';

/** A short gap heals by itself before anybody needs to read about it. */
const PATIENCE_MS = 2_500;

/** Says quietly that what is shown may be old. */
export function LiveBanner({ state }: { state: LiveState }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (state === 'live') return;
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <output>
      {shown && state !== 'live' ? (
        <div className={classes['banner']}>
          <IconPlugConnectedX size={18} aria-hidden />
          {t('live.lost')}
        </div>
      ) : null}
    </output>
  );
}
