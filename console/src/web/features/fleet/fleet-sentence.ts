import { useTranslation } from 'react-i18next';
import type { FleetSummary } from '../../../api/index.ts';

/** How the fleet stands, in one sentence; what is not seen is said before what is. */
export function useFleetSentence(): (summary: FleetSummary) => string {
  const { t } = useTranslation();
  return (summary) => {
    const active = summary.total - summary.revoked;
    const { offline, degraded, watching } = summary;
    if (active === 0) return t('fleet.lead.none');
    if (offline > 0 && degraded > 0) return t('fleet.lead.both', { offline, degraded, count: active });
    if (offline > 0) return t('fleet.lead.offline', { offline, watching, count: active });
    if (degraded > 0) return t('fleet.lead.degraded', { degraded, watching, count: active });
    return t('fleet.lead.all', { count: active });
  };
}
