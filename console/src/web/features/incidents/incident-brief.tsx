import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { IncidentRow } from '../../../api/index.ts';
import { incidentStatus } from '../../components/status.ts';
import { ContainmentBadge, IncidentStatusBadge } from '../../components/status-badge.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useLanguage } from '../../i18n/i18n.ts';
import classes from './incident-brief.module.css';
import { incidentTitle } from './incident-title.ts';

/** An incident in a line or two, wherever a few of them are shown; the whole of it is the link. */
export function IncidentBrief({ row, withMachine }: { row: IncidentRow; withMachine: boolean }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  return (
    <Link to={`/incidents/${row.incidentId}`} className={classes['brief']}>
      <IncidentStatusBadge status={incidentStatus(row)} />
      <span className={classes['words']}>
        {withMachine ? (
          <span className={classes['machine']}>
            <Untrusted text={row.endpointName} />
          </span>
        ) : null}
        <span>
          <Untrusted text={incidentTitle(row, language)} />
          {row.safeTest ? ` (${t('incident.safeTest')})` : ''}
        </span>
      </span>
      <span className={classes['aside']}>
        <ContainmentBadge containment={row.containment} />
        <TimeText time={row.occurredAt} />
      </span>
    </Link>
  );
}
