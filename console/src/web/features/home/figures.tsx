import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { FleetSummary, IncidentPage } from '../../../api/index.ts';
import { useLanguage } from '../../i18n/i18n.ts';
import classes from './figures.module.css';

/** Numbers that lead to what they count. */
export function Figures({ summary, open }: { summary: FleetSummary; open: IncidentPage['open'] }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const figures = [
    { to: '/incidents?lane=severe', name: t('status.severe'), number: open.severe, unit: 'cases' },
    { to: '/incidents?lane=attention', name: t('status.attention'), number: open.attention, unit: 'cases' },
    { to: '/incidents?lane=information', name: t('status.information'), number: open.information, unit: 'cases' },
    { to: '/endpoints?state=watching', name: t('endpointState.watching'), number: summary.watching, unit: 'machines' },
    { to: '/endpoints?state=degraded', name: t('endpointState.degraded'), number: summary.degraded, unit: 'machines' },
    { to: '/endpoints?state=offline', name: t('endpointState.offline'), number: summary.offline, unit: 'machines' },
  ] as const;
  return (
    <nav aria-label={t('home.figures')} className={classes['figures']}>
      {figures.map((figure) => (
        <Link key={figure.to} to={figure.to} className={classes['figure']}>
          <span className={classes['name']}>{figure.name}</span>
          <span className={classes['number']}>
            {t(`figure.${figure.unit}`, { number: figure.number.toLocaleString(language) })}
          </span>
        </Link>
      ))}
    </nav>
  );
}
