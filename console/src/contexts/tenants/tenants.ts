import type { Clock } from '../../platform/clock.ts';
import { newId, type Random } from '../../platform/random.ts';
import type { Store } from '../../store/store.ts';
import type { Tenants } from './api.ts';

export interface TenantsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
}

export function createTenants({ store, clock, random }: TenantsOptions): Tenants {
  return {
    async ensure(tx, name) {
      const known = await tx.db.selectFrom('tenants').selectAll().where('name', '=', name).executeTakeFirst();
      if (known) return { tenantId: known.tenant_id, name: known.name };
      const tenantId = newId(random, 'ten');
      await tx.db.insertInto('tenants').values({ tenant_id: tenantId, name, created_at: clock.now() }).execute();
      return { tenantId, name };
    },

    async get(tenantId) {
      const row = await store.read
        .selectFrom('tenants')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst();
      return row && { tenantId: row.tenant_id, name: row.name };
    },

    async list() {
      const rows = await store.read
        .selectFrom('tenants')
        .selectAll()
        .orderBy('created_at')
        .orderBy('tenant_id')
        .execute();
      return rows.map((row) => ({ tenantId: row.tenant_id, name: row.name }));
    },
  };
}
