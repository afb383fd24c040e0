import type { EndpointRow, EndpointState, IncidentRow, ServiceLane } from '../../api/index.ts';

/** The four words of the product for how an incident stands, in the order in which they are shown. */
export const INCIDENT_STATUSES = ['severe', 'attention', 'information', 'settled'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

/** A tone gives a status its colour; icon and word carry the same meaning. */
export type Tone = 'severe' | 'attention' | 'information' | 'settled' | 'quiet';

/** An incident is settled once it is closed; until then its lane says what is owed. */
export function incidentStatus(row: Pick<IncidentRow, 'status' | 'lane'>): IncidentStatus {
  return row.status === 'closed' ? 'settled' : row.lane;
}

export const LANE_TONE: Record<ServiceLane, Tone> = {
  severe: 'severe',
  attention: 'attention',
  information: 'information',
};

export const ENDPOINT_TONE: Record<EndpointState, Tone> = {
  watching: 'settled',
  degraded: 'attention',
  offline: 'attention',
  revoked: 'quiet',
};

/** What people call the machine; the host name stands beside it only when it says something else. */
export function hasOwnName(row: Pick<EndpointRow, 'displayName' | 'hostname'>): boolean {
  return row.displayName !== row.hostname;
}
