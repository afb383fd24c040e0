import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import { fail, succeed } from '../../platform/http-errors.ts';
import type { Log } from '../../platform/log.ts';
import { newId, type Random } from '../../platform/random.ts';
import type { RulePacksTable } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';
import type { Audit } from '../audit/api.ts';
import type { Response } from '../response/api.ts';
import type { Rules } from '../rules/api.ts';
import type { RulePacks } from './api.ts';
import { createPackFiles } from './pack-files.ts';
import { isInUse, readEndpointRules, readPack, readPacks, toRulePackRow } from './store.ts';

export interface RulePacksOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly log: Log;
  readonly audit: Audit;
  readonly rules: Pick<Rules, 'enterPack' | 'removePack'>;
  /** What holds for the whole tenant. */
  readonly standing: Response['standingPack'];
  /** Where the packs' files lie (0700). */
  readonly directory: string;
}

/** Packs of one tenant. */
const MAX_PACKS = 32;
/** Uploads at the same time over all tenants. */
const MAX_UPLOADS = 4;

export function createRulePacks(options: RulePacksOptions): RulePacks {
  const { store, clock, random, bus, log, audit } = options;
  const files = createPackFiles(options.directory, () => clock.now());
  let uploads = 0;

  const add: RulePacks['add'] = async ({ tenantId, name: by }, content) => {
    const known = await readPacks(store.read, tenantId);
    if (known.length >= MAX_PACKS) return fail('rule_pack_limit');
    const written = await files.write(tenantId, newId(random, 'upload'), content);
    if (!written.ok) return fail(written.code);
    const { sha256, size, header, catalogue } = written;
    const row: RulePacksTable = {
      tenant_id: tenantId,
      sha256,
      size,
      name: header.name,
      version: header.version,
      header_json: JSON.stringify(header),
      uploaded_at: clock.now(),
      uploaded_by: by,
    };
    return store.write(async (tx) => {
      const before = await readPack(tx.db, tenantId, sha256);
      if (before) return succeed(toRulePackRow(before));
      await tx.db.insertInto('rule_packs').values(row).execute();
      await options.rules.enterPack(tx, tenantId, { sha256, name: row.name, version: row.version }, catalogue);
      const detail = JSON.stringify({ name: row.name, version: row.version, size, documents: header.documents });
      await audit.record(tx, { tenantId, actor: by, action: 'rule-pack.add', target: sha256, detail });
      tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'rule-packs', id: sha256 }));
      return succeed(toRulePackRow(row));
    });
  };

  return {
    async list(tenantId) {
      const standing = await options.standing(tenantId);
      return {
        items: (await readPacks(store.read, tenantId)).map(toRulePackRow),
        endpoints: await readEndpointRules(store.read, tenantId),
        ...(standing === undefined ? {} : { standing }),
      };
    },

    async add(actor, content) {
      if (uploads >= MAX_UPLOADS) return fail('rate_limited');
      uploads += 1;
      try {
        return await add(actor, content);
      } finally {
        uploads -= 1;
        // What is left of a refused upload is not read.
        content.destroy();
      }
    },

    async remove({ tenantId, name: by }, sha256) {
      return store.write(async (tx) => {
        const row = await readPack(tx.db, tenantId, sha256);
        if (!row) return fail('not_found');
        if (await isInUse(tx.db, tenantId, sha256, clock.now())) return fail('rule_pack_in_use');
        await tx.db.deleteFrom('rule_packs').where('tenant_id', '=', tenantId).where('sha256', '=', sha256).execute();
        await options.rules.removePack(tx, tenantId, sha256);
        const detail = `${row.name} ${row.version}`;
        await audit.record(tx, { tenantId, actor: by, action: 'rule-pack.remove', target: sha256, detail });
        tx.afterCommit(() => {
          bus.publish({ type: 'changed', tenantId, topic: 'rule-packs', id: sha256 });
          files
            .remove(tenantId, sha256)
            .catch((error: unknown) => log.warn({ err: error, sha256 }, 'the file of a removed rule pack stays'));
        });
        return succeed(undefined);
      });
    },

    async exists(tenantId, { sha256, size, name, version }) {
      const row = await readPack(store.read, tenantId, sha256);
      return row?.size === size && row.name === name && row.version === version;
    },

    async open(tenantId, sha256) {
      const row = await readPack(store.read, tenantId, sha256);
      if (!row) return undefined;
      const { size } = row;
      if (await files.has(tenantId, sha256, size)) return { size, read: () => files.read(tenantId, sha256) };
      log.error({ tenantId, sha256 }, 'the file of a rule pack is missing or has another size');
      return undefined;
    },
  };
}
