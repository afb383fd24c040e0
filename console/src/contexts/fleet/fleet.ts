import type { EndpointDetail } from '../../api/fleet.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import { fail, succeed } from '../../platform/http-errors.ts';
import type { Log } from '../../platform/log.ts';
import { newId, type Random } from '../../platform/random.ts';
import type { SignerClient } from '../../signer/client.ts';
import { planPage } from '../../store/page.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { Audit } from '../audit/api.ts';
import type { Contracts } from '../contracts/api.ts';
import type { Fleet } from './api.ts';
import { createPresence } from './presence.ts';
import { createReports } from './reports.ts';
import {
  ENDPOINT_ID,
  ENDPOINT_SORT_EXPRESSIONS,
  readCertificateEnd,
  readEndpoint,
  readEndpoints,
  readSummary,
  toEndpointRow,
  toReports,
} from './store.ts';
import { createTokens } from './tokens.ts';

export interface FleetOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly log: Log;
  readonly audit: Audit;
  readonly contracts: Contracts;
  readonly signer: SignerClient;
  /** Where agents connect, as their enrolment tokens say it. */
  readonly gatewayUrl: () => string;
}

export function createFleet(options: FleetOptions): Fleet {
  const { store, clock, random, bus, audit, contracts } = options;
  const presence = createPresence(options);

  async function detail(tenantId: string, endpointId: string): Promise<EndpointDetail | undefined> {
    const row = await readEndpoint(store.read, tenantId, endpointId);
    if (!row) return undefined;
    const certificateExpiresAt = await readCertificateEnd(store.read, tenantId, endpointId);
    const seatStartedAt = await contracts.seatStartedAt(tenantId, endpointId);
    return {
      ...toEndpointRow(row),
      ...toReports(row),
      ...(certificateExpiresAt === undefined ? {} : { certificateExpiresAt }),
      ...(seatStartedAt === undefined ? {} : { seatStartedAt }),
    };
  }

  async function revokeIn(tx: Tx, actor: { tenantId: string; name: string }, endpointId: string): Promise<boolean> {
    const { tenantId } = actor;
    const now = clock.now();
    const row = await readEndpoint(tx.db, tenantId, endpointId);
    if (!row) return false;
    if (row.revoked_at !== null) return true;
    await tx.db
      .updateTable('endpoints')
      .set({ revoked_at: now })
      .where('tenant_id', '=', tenantId)
      .where('endpoint_id', '=', endpointId)
      .execute();
    await tx.db
      .updateTable('certificates')
      .set({ revoked_at: now })
      .where('tenant_id', '=', tenantId)
      .where('endpoint_id', '=', endpointId)
      .where('revoked_at', 'is', null)
      .execute();
    await contracts.endSeatOf(tx, { tenantId, endpointId, at: now });
    await audit.record(tx, {
      tenantId,
      actor: actor.name,
      action: 'endpoint.revoke',
      target: endpointId,
      detail: row.display_name,
    });
    tx.afterCommit(() => {
      bus.publish({ type: 'endpoint-revoked', tenantId, endpointId });
      bus.publish({ type: 'changed', tenantId, topic: 'endpoints', id: endpointId });
    });
    return true;
  }

  return {
    ...createTokens(options),
    ...createReports(options),
    sessionOpened: (origin, facts) => presence.opened(origin, facts),
    sessionClosed: (origin) => presence.closed(origin),
    newEndpointId: () => newId(random, 'ep'),

    async recordCertificate(tx, { tenantId, endpointId }, { serial, notAfter }) {
      await tx.db
        .insertInto('certificates')
        .values({
          tenant_id: tenantId,
          serial,
          endpoint_id: endpointId,
          issued_at: clock.now(),
          expires_at: notAfter,
          revoked_at: null,
        })
        .execute();
    },

    async certificateStanding({ tenantId, endpointId }, serial) {
      const row = await store.read
        .selectFrom('certificates')
        .innerJoin('endpoints', (join) =>
          join
            .onRef('endpoints.tenant_id', '=', 'certificates.tenant_id')
            .onRef('endpoints.endpoint_id', '=', 'certificates.endpoint_id'),
        )
        .select(['certificates.revoked_at', 'endpoints.revoked_at as endpoint_revoked_at'])
        .where('certificates.tenant_id', '=', tenantId)
        .where('certificates.endpoint_id', '=', endpointId)
        .where('certificates.serial', '=', serial)
        .executeTakeFirst();
      if (!row) return 'unknown';
      return row.revoked_at === null && row.endpoint_revoked_at === null ? 'valid' : 'revoked';
    },

    async page(tenantId, query) {
      const plan = planPage(query, ENDPOINT_SORT_EXPRESSIONS, 'displayName', ENDPOINT_ID);
      if (!plan) return fail('bad_request');
      const found = await readEndpoints(store.read, tenantId, query, plan);
      const { rows, next } = plan.cut(found, (row) => [row.sort_value, row.endpoint_id]);
      return succeed({
        summary: await readSummary(store.read, tenantId),
        items: rows.map(toEndpointRow),
        ...(next === undefined ? {} : { next }),
      });
    },

    detail,

    async rename(actor, endpointId, displayName) {
      const { tenantId } = actor;
      await store.write(async (tx) => {
        const row = await readEndpoint(tx.db, tenantId, endpointId);
        if (!row || row.display_name === displayName) return;
        await tx.db
          .updateTable('endpoints')
          .set({ display_name: displayName })
          .where('tenant_id', '=', tenantId)
          .where('endpoint_id', '=', endpointId)
          .execute();
        await audit.record(tx, {
          tenantId,
          actor: actor.name,
          action: 'endpoint.rename',
          target: endpointId,
          detail: `${row.display_name} -> ${displayName}`,
        });
        tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'endpoints', id: endpointId }));
      });
      return detail(tenantId, endpointId);
    },

    revokeIn,

    async revoke(actor, endpointId) {
      await store.write((tx) => revokeIn(tx, actor, endpointId));
      return detail(actor.tenantId, endpointId);
    },

    async resetPresence() {
      await store.write(async ({ db }) => {
        await db
          .updateTable('endpoints')
          .set({ connected_since: null })
          .where('connected_since', 'is not', null)
          .execute();
      });
    },

    close: () => presence.stop(),
  };
}
