import type { Story } from '@yagura/protocol';
import type { CloseIncident, IncidentDetail, IncidentPage, IncidentQuery } from '../../api/incidents.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';
import type { Actor } from '../identity/api.ts';

export interface StoryTimes {
  /** Console time at which the batch arrived. */
  readonly receivedAt: number;
  /** Console's clock minus endpoint's clock, as measured for this session; 0 when unknown. */
  readonly clockOffsetMs: number;
}

export interface IncidentContent {
  readonly incidentId: string;
  readonly endpointId: string;
  readonly story: Story;
}

/** Incidents: one for each (endpoint, storyId). */
export interface Alerts {
  /**
   * Enters a story's revision, inside the ingesting transaction. Deterministic and safe to repeat: a revision
   * at or below the known one changes nothing (SPEC ST1).
   */
  applyStory(tx: Tx, origin: Origin, story: Story, times: StoryTimes): Promise<void>;
  page(tenantId: string, query: IncidentQuery): Promise<Result<IncidentPage>>;
  detail(tenantId: string, incidentId: string): Promise<IncidentDetail | undefined>;
  content(tenantId: string, incidentId: string): Promise<IncidentContent | undefined>;
  close(actor: Actor, incidentId: string, request: CloseIncident): Promise<Result<IncidentDetail>>;
  reopen(actor: Actor, incidentId: string): Promise<Result<IncidentDetail>>;
}
