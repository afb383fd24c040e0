import { useNow } from '../app/use-now.ts';
import { useLanguage } from '../i18n/i18n.ts';
import { exactClock, exactTime, sayWhen } from './when.ts';

interface TimeTextProps {
  readonly time: number;
  /** `clock` shows the time of day to the second, for timelines. */
  readonly as?: 'when' | 'clock';
}

/** A time as people say it, with the exact one on hover and (by `ExactTime`) on a tap, in Japan's zone. */
export function TimeText({ time, as = 'when' }: TimeTextProps) {
  const now = useNow();
  const { language } = useLanguage();
  return (
    <time dateTime={new Date(time).toISOString()} title={exactTime(time, language)} style={{ whiteSpace: 'nowrap' }}>
      {as === 'clock' ? exactClock(time) : sayWhen(time, now, language)}
    </time>
  );
}
