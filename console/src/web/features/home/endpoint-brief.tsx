import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { EndpointRow } from '../../../api/index.ts';
import { MachineName } from '../../components/machine-name.tsx';
import { EndpointStateBadge } from '../../components/status-badge.tsx';
import { TimeText } from '../../components/time-text.tsx';
import classes from '../incidents/incident-brief.module.css';

/** A machine in a line, with what keeps it from being watched. */
export function EndpointBrief({ row }: { row: EndpointRow }) {
  const { t } = useTranslation();
  return (
    <Link to={`/endpoints/${row.endpointId}`} className={classes['brief']} data-wide>
      <EndpointStateBadge state={row.state} />
      <span className={classes['words']}>
        <span className={classes['machine']}>
          <MachineName row={row} />
        </span>
      </span>
      <span className={classes['aside']}>
        {t('fleet.lastSeen')} {row.lastSeenAt === undefined ? t('fleet.neverSeen') : <TimeText time={row.lastSeenAt} />}
      </span>
    </Link>
  );
}
