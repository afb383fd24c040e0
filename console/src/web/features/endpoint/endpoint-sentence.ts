import { useTranslation } from 'react-i18next';
import type { EndpointDetail } from '../../../api/index.ts';

/** How one endpoint stands, in a sentence: what is wrong before what is fine. */
export function useEndpointSentence(): (endpoint: EndpointDetail) => string {
  const { t } = useTranslation();
  return (endpoint) => {
    const { state, openIncidents, health } = endpoint;
    if (state === 'revoked') return t('endpoint.lead.revoked');
    const blind = health?.sensors.filter((sensor) => sensor.state !== 'active').length ?? 0;
    if (openIncidents > 0) return t('endpoint.lead.incidents', { count: openIncidents });
    if (state === 'offline') return t('endpoint.lead.offline');
    if (state === 'degraded')
      return blind > 0 ? t('endpoint.lead.sensors', { count: blind }) : t('endpoint.lead.degraded');
    return t('endpoint.lead.watching');
  };
}
