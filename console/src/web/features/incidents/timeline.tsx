import {
  IconAlertTriangle,
  IconCheck,
  IconCloudDown,
  IconHandClick,
  IconShieldCheck,
  IconX,
} from '@tabler/icons-react';
import type { ComponentType, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { IncidentDetail } from '../../../api/index.ts';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useLanguage } from '../../i18n/i18n.ts';
import { useOutcomeWords } from '../orders/outcome-words.ts';
import { baseName } from './story-facts.ts';
import classes from './timeline.module.css';
import { type TimelineEntry, timelineEntries } from './timeline-entries.ts';

type Icon = ComponentType<{ size?: number | string; 'aria-hidden'?: boolean }>;

/** Detections, actions and orders in the order of time. */
export function Timeline({ incident }: { incident: IncidentDetail }) {
  return (
    <ol className={classes['timeline']}>
      {timelineEntries(incident).map((entry) => (
        <Entry key={entry.key} entry={entry} incident={incident} />
      ))}
    </ol>
  );
}

function Entry({ entry, incident }: { entry: TimelineEntry; incident: IncidentDetail }) {
  switch (entry.kind) {
    case 'detection':
      return <DetectionLine entry={entry} />;
    case 'action':
      return <ActionLine entry={entry} />;
    case 'order':
      return <OrderEntry entry={entry} />;
    case 'received':
      return <ReceivedLine time={entry.time} />;
    case 'closed':
      return <ClosedLine time={entry.time} incident={incident} />;
  }
}

function Line({ time, icon: Glyph, tone, children }: { time: number; icon: Icon; tone: string; children: ReactNode }) {
  return (
    <li className={classes['line']}>
      <span className={classes['time']}>
        <TimeText time={time} as="clock" />
      </span>
      <span className={classes['icon']} data-tone={tone}>
        <Glyph size={16} aria-hidden />
      </span>
      <div className={classes['words']}>{children}</div>
    </li>
  );
}

function DetectionLine({ entry }: { entry: Extract<TimelineEntry, { kind: 'detection' }> }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const { rule, event } = entry.detection;
  const subject = event.fields['CommandLine'] ?? event.fields['TargetFilename'] ?? event.fields['Image'];
  return (
    <Line time={entry.time} icon={IconAlertTriangle} tone="severe">
      <div>
        {t('timeline.detected')} <Untrusted text={rule.localTitle?.[language] ?? rule.title} />
      </div>
      {subject === undefined ? null : (
        <div className={classes['subject']}>
          <Untrusted text={String(subject)} code truncate />
        </div>
      )}
    </Line>
  );
}

function ActionLine({ entry }: { entry: Extract<TimelineEntry, { kind: 'action' }> }) {
  const { t } = useTranslation();
  const outcomeWords = useOutcomeWords();
  const { action } = entry;
  const subject = action.target.path ?? action.target.image;
  return (
    <Line time={entry.time} icon={action.ok ? IconShieldCheck : IconX} tone={action.ok ? 'settled' : 'attention'}>
      <div>
        {t(action.ok ? `timeline.did.${action.kind}` : `timeline.didNot.${action.kind}`)}
        {action.processes === undefined ? '' : ` ${t('timeline.processes', { count: action.processes })}`}
        {action.ok ? null : ` ${outcomeWords(action.code)}`}
        {subject === undefined ? null : (
          <>
            {' '}
            <Untrusted text={baseName(subject)} />
          </>
        )}
      </div>
      <div className={classes['note']}>{t(`timeline.origin.${action.origin}`)}</div>
    </Line>
  );
}

function OrderEntry({ entry }: { entry: Extract<TimelineEntry, { kind: 'order' }> }) {
  const { t } = useTranslation();
  const outcomeWords = useOutcomeWords();
  const { order } = entry;
  return (
    <Line time={entry.time} icon={IconHandClick} tone="information">
      <div>{t('timeline.ordered', { kind: t(`orderKind.${order.action.kind}`) })}</div>
      <div className={classes['note']}>
        <Untrusted text={order.orderedBy} /> · {t(`orderState.${order.state}`)}
        {order.code === undefined || order.code === 'done' ? '' : ` · ${outcomeWords(order.code)}`}
      </div>
    </Line>
  );
}

function ReceivedLine({ time }: { time: number }) {
  const { t } = useTranslation();
  return (
    <Line time={time} icon={IconCloudDown} tone="quiet">
      {t('timeline.received')}
    </Line>
  );
}

function ClosedLine({ time, incident }: { time: number; incident: IncidentDetail }) {
  const { t } = useTranslation();
  return (
    <Line time={time} icon={IconCheck} tone="settled">
      <div>
        {t('timeline.closed')}
        {incident.resolution === undefined ? '' : ` ${t(`resolution.${incident.resolution}`)}`}
      </div>
      <div className={classes['note']}>
        {incident.closedBy === undefined ? null : <Untrusted text={incident.closedBy} />}
        {incident.closeNote === undefined || incident.closeNote === '' ? null : (
          <>
            {' · '}
            <Untrusted text={incident.closeNote} />
          </>
        )}
      </div>
    </Line>
  );
}
