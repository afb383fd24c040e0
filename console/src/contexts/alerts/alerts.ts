import type { IncidentDetail, OrderRow } from '../../api/incidents.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import { fail, orNotFound, succeed } from '../../platform/http-errors.ts';
import type { Random } from '../../platform/random.ts';
import { planPage } from '../../store/page.ts';
import type { IncidentsTable } from '../../store/schema.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { Audit } from '../audit/api.ts';
import type { Actor } from '../identity/api.ts';
import type { Alerts } from './api.ts';
import { applyStory, REOPENED } from './apply-story.ts';
import {
  INCIDENT_ID,
  INCIDENT_SORT_EXPRESSIONS,
  readIncident,
  readIncidents,
  readOpenCounts,
  readStory,
  toIncidentDetail,
  toIncidentRow,
} from './store.ts';

export interface AlertsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly audit: Audit;
  /** What people ordered about a story. */
  readonly ordersAbout: (tenantId: string, endpointId: string, storyId: string) => Promise<OrderRow[]>;
}

export function createAlerts(options: AlertsOptions): Alerts {
  const { store, clock, bus, audit } = options;

  async function detail(tenantId: string, incidentId: string): Promise<IncidentDetail | undefined> {
    const row = await readIncident(store.read, tenantId, incidentId);
    if (!row) return undefined;
    const story = await readStory(store.read, tenantId, incidentId);
    return toIncidentDetail(row, story, await options.ordersAbout(tenantId, row.endpoint_id, row.story_id));
  }

  /** Moves an incident from one status to the other, or says why not. */
  async function move(
    actor: Actor,
    incidentId: string,
    to: 'open' | 'closed',
    change: Partial<IncidentsTable>,
    record: { readonly action: string; readonly detail?: string },
  ) {
    const { tenantId } = actor;
    const outcome = await store.write(async (tx: Tx) => {
      const row = await readIncident(tx.db, tenantId, incidentId);
      if (!row) return 'not_found' as const;
      if (row.status === to) return to === 'closed' ? ('already_closed' as const) : ('already_open' as const);
      await tx.db
        .updateTable('incidents')
        .set({ ...change, status: to, updated_at: clock.now() })
        .where('tenant_id', '=', tenantId)
        .where('incident_id', '=', incidentId)
        .execute();
      await audit.record(tx, { tenantId, actor: actor.name, target: incidentId, ...record });
      tx.afterCommit(() => {
        bus.publish({ type: 'changed', tenantId, topic: 'incidents', id: incidentId });
        bus.publish({ type: 'changed', tenantId, topic: 'endpoints', id: row.endpoint_id });
      });
      return undefined;
    });
    return outcome === undefined ? orNotFound(await detail(tenantId, incidentId)) : fail(outcome);
  }

  return {
    applyStory: (tx, origin, story, times) => applyStory(options, tx, origin, story, times),

    async page(tenantId, query) {
      const plan = planPage(query, INCIDENT_SORT_EXPRESSIONS, '-receivedAt', INCIDENT_ID);
      if (!plan) return fail('bad_request');
      const found = await readIncidents(store.read, tenantId, query, plan);
      const { rows, next } = plan.cut(found, (row) => [row.sort_value, row.incident_id]);
      return succeed({
        open: await readOpenCounts(store.read, tenantId),
        items: rows.map(toIncidentRow),
        ...(next === undefined ? {} : { next }),
      });
    },

    detail,

    async content(tenantId, incidentId) {
      const row = await readIncident(store.read, tenantId, incidentId);
      if (!row) return undefined;
      return { incidentId, endpointId: row.endpoint_id, story: await readStory(store.read, tenantId, incidentId) };
    },

    close: (actor, incidentId, { resolution, note }) =>
      move(
        actor,
        incidentId,
        'closed',
        { resolution, closed_at: clock.now(), closed_by: actor.name, close_note: note === '' ? null : note },
        { action: 'incident.close', detail: note === '' ? resolution : `${resolution}: ${note}` },
      ),

    reopen: (actor, incidentId) => move(actor, incidentId, 'open', REOPENED, { action: 'incident.reopen' }),
  };
}
