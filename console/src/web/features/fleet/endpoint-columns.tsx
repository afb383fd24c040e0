import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { EndpointRow } from '../../../api/index.ts';
import type { Column } from '../../components/data-table.tsx';
import { MachineName } from '../../components/machine-name.tsx';
import { AboveRowLink, RowLink } from '../../components/row-link.tsx';
import { EndpointStateBadge } from '../../components/status-badge.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';

/** The columns of the fleet; their ids are the fields by which the server sorts. */
export function useEndpointColumns(): readonly Column<EndpointRow>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: 'state',
        header: t('fleet.column.state'),
        cell: (row) => <EndpointStateBadge state={row.state} />,
        width: '10rem',
        sortable: true,
        narrow: 'second',
      },
      {
        id: 'displayName',
        header: t('fleet.column.name'),
        cell: (row) => (
          <RowLink to={`/endpoints/${row.endpointId}`}>
            <MachineName row={row} />
          </RowLink>
        ),
        width: 'minmax(0, 2.4fr)',
        sortable: true,
        narrow: 'first',
      },
      {
        id: 'openIncidents',
        header: t('fleet.column.incidents'),
        cell: (row) => <OpenIncidents row={row} />,
        width: 'minmax(0, 1.2fr)',
        sortable: true,
        narrow: 'second',
      },
      {
        id: 'policy',
        header: t('fleet.column.policy'),
        cell: (row) => t(`policy.${row.policy}`),
        width: '10rem',
        sortable: true,
        narrow: 'hidden',
      },
      {
        id: 'platform',
        header: t('fleet.column.platform'),
        cell: (row) => t(`platform.${row.platform}`),
        width: '6rem',
        sortable: true,
        narrow: 'hidden',
      },
      {
        id: 'agentVersion',
        header: t('fleet.column.version'),
        cell: (row) => <Untrusted text={row.agentVersion} truncate />,
        width: '5.5rem',
        sortable: true,
        narrow: 'hidden',
      },
      {
        id: 'lastSeenAt',
        header: t('fleet.column.lastSeen'),
        cell: (row) => (row.lastSeenAt === undefined ? t('fleet.neverSeen') : <TimeText time={row.lastSeenAt} />),
        width: '7rem',
        sortable: true,
        narrow: 'second',
        align: 'end',
      },
    ],
    [t],
  );
}

function OpenIncidents({ row }: { row: EndpointRow }) {
  const { t } = useTranslation();
  if (row.openIncidents === 0) return <span style={{ color: 'var(--yg-dimmed)' }}>{t('fleet.noIncidents')}</span>;
  return (
    <AboveRowLink>
      <Link to={`/incidents?endpoint=${encodeURIComponent(row.endpointId)}`}>
        {row.severeIncidents > 0
          ? t('fleet.severeIncidents', { severe: row.severeIncidents, count: row.openIncidents })
          : t('fleet.openIncidents', { count: row.openIncidents })}
      </Link>
    </AboveRowLink>
  );
}
