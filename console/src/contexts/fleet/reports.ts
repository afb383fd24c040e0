import { Health } from '@yagura/protocol';
import type { Tx } from '../../store/store.ts';
import type { Fleet, Origin } from './api.ts';
import { healthHeadline, isDegraded } from './domain/endpoint-state.ts';
import type { FleetOptions } from './fleet.ts';

/** How exact `last_seen_at` is kept: a write for each batch would be most of the writes. */
const LAST_SEEN_STEP_MS = 5_000;

type Reports = Pick<Fleet, 'applyHealth' | 'applyInventory' | 'applyPolicy' | 'touch'>;

/** What endpoints say about themselves. The newest report to arrive counts; clocks of endpoints do not. */
export function createReports({ bus }: FleetOptions): Reports {
  const changed = (tx: Tx, { tenantId, endpointId }: Origin) =>
    tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'endpoints', id: endpointId }));

  return {
    async applyHealth(tx, origin, health, receivedAt) {
      const before = await tx.db
        .selectFrom('endpoints')
        .select('health_json')
        .where('tenant_id', '=', origin.tenantId)
        .where('endpoint_id', '=', origin.endpointId)
        .executeTakeFirst();
      await tx.db
        .updateTable('endpoints')
        .set({
          health_json: JSON.stringify(health),
          degraded: isDegraded(health) ? 1 : 0,
          policy: health.policy,
          agent_version: health.agentVersion,
          last_seen_at: receivedAt,
        })
        .where('tenant_id', '=', origin.tenantId)
        .where('endpoint_id', '=', origin.endpointId)
        .execute();
      const known = Health.safeParse(before?.health_json ? JSON.parse(before.health_json) : undefined);
      if (!known.success || healthHeadline(known.data) !== healthHeadline(health)) changed(tx, origin);
    },

    async applyInventory(tx, origin, inventory, receivedAt) {
      await tx.db
        .updateTable('endpoints')
        .set({
          inventory_json: JSON.stringify(inventory),
          hostname: inventory.hostname,
          platform: inventory.platform,
          last_seen_at: receivedAt,
        })
        .where('tenant_id', '=', origin.tenantId)
        .where('endpoint_id', '=', origin.endpointId)
        .execute();
      changed(tx, origin);
    },

    async applyPolicy(tx, origin, mode) {
      await tx.db
        .updateTable('endpoints')
        .set({ policy: mode })
        .where('tenant_id', '=', origin.tenantId)
        .where('endpoint_id', '=', origin.endpointId)
        .execute();
      changed(tx, origin);
    },

    async touch(tx, origin, receivedAt) {
      await tx.db
        .updateTable('endpoints')
        .set({ last_seen_at: receivedAt })
        .where('tenant_id', '=', origin.tenantId)
        .where('endpoint_id', '=', origin.endpointId)
        .where((eb) => eb.or([eb('last_seen_at', 'is', null), eb('last_seen_at', '<', receivedAt - LAST_SEEN_STEP_MS)]))
        .execute();
    },
  };
}
