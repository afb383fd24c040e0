import { sql } from 'kysely';
import type { AuditEntry } from '../../api/session.ts';
import type { Clock } from '../../platform/clock.ts';
import { fail, succeed } from '../../platform/http-errors.ts';
import { contains } from '../../store/page.ts';
import type { AuditLogTable } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';
import type { Audit, AuditFinding, AuditHead } from './api.ts';
import { type ChainedEntry, checkEntry, GENESIS, hashEntry } from './domain/chain.ts';

export interface AuditOptions {
  readonly store: Store;
  readonly clock: Clock;
}

/** Entries read at a time while verifying. */
const VERIFY_PAGE = 1_000;
const TEXT_LIMITS = { actor: 256, target: 256, detail: 4_096 } as const;

export function createAudit({ store, clock }: AuditOptions): Audit {
  return {
    async record(tx, record) {
      const last = await tx.db
        .selectFrom('audit_log')
        .select(['sequence', 'hash'])
        .where('tenant_id', '=', record.tenantId)
        .orderBy('sequence', 'desc')
        .limit(1)
        .executeTakeFirst();
      const entry: ChainedEntry = {
        tenantId: record.tenantId,
        sequence: (last?.sequence ?? 0) + 1,
        time: clock.now(),
        actor: storable(record.actor, TEXT_LIMITS.actor),
        action: record.action,
        target: record.target === undefined ? null : storable(record.target, TEXT_LIMITS.target),
        detail: record.detail === undefined ? null : storable(record.detail, TEXT_LIMITS.detail),
        previousHash: last?.hash ?? GENESIS,
      };
      await tx.db
        .insertInto('audit_log')
        .values({
          tenant_id: entry.tenantId,
          sequence: entry.sequence,
          time: entry.time,
          actor: entry.actor,
          action: entry.action,
          target: entry.target,
          detail: entry.detail,
          previous_hash: entry.previousHash,
          hash: hashEntry(entry),
        })
        .execute();
    },

    async page(tenantId, query) {
      const before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(query.cursor);
      if (!Number.isSafeInteger(before) || query.sort !== undefined) return fail('bad_request');
      const limit = query.limit ?? 100;
      let select = store.read
        .selectFrom('audit_log')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('sequence', '<', before)
        .orderBy('sequence', 'desc')
        .limit(limit + 1);
      if (query.search !== undefined) {
        const text = query.search;
        select = select.where(
          sql<boolean>`(${contains(sql`coalesce(target, '')`, text)} OR ${contains(sql.ref('actor'), text)}
            OR ${contains(sql.ref('action'), text)})`,
        );
      }
      const rows = await select.execute();
      const items = rows.slice(0, limit).map(toEntry);
      const last = items.at(-1);
      return succeed(rows.length > limit && last ? { items, next: String(last.sequence) } : { items });
    },

    async verify(anchors = []) {
      const heads: AuditHead[] = [];
      const findings: AuditFinding[] = [];
      let entries = 0;
      const tenants = await store.read.selectFrom('tenants').select('tenant_id').orderBy('tenant_id').execute();
      const known = new Set([...tenants.map((row) => row.tenant_id), ...anchors.map((anchor) => anchor.tenantId)]);
      for (const tenantId of known) {
        const anchored = new Map(
          anchors.filter((anchor) => anchor.tenantId === tenantId).map((anchor) => [anchor.sequence, anchor.hash]),
        );
        let previous: { sequence: number; hash: string } | undefined;
        let faulty = false;
        for (;;) {
          const rows = await store.read
            .selectFrom('audit_log')
            .selectAll()
            .where('tenant_id', '=', tenantId)
            .where('sequence', '>', previous?.sequence ?? Number.MIN_SAFE_INTEGER)
            .orderBy('sequence')
            .limit(VERIFY_PAGE)
            .execute();
          for (const row of rows) {
            entries += 1;
            const fault = checkEntry(previous, toChained(row));
            const anchor = anchored.get(row.sequence);
            const code = fault ?? (anchor !== undefined && anchor !== row.hash ? 'changed' : undefined);
            // After the first fault everything behind it is in doubt: one finding says where it begins.
            if (code !== undefined && !faulty) {
              faulty = true;
              findings.push({ tenantId, sequence: row.sequence, code });
            }
            anchored.delete(row.sequence);
            previous = { sequence: row.sequence, hash: row.hash };
          }
          if (rows.length < VERIFY_PAGE) break;
        }
        for (const sequence of anchored.keys()) {
          if (!faulty) findings.push({ tenantId, sequence, code: 'missing' });
        }
        if (previous) heads.push({ tenantId, ...previous });
      }
      return { entries, heads, findings };
    },
  };
}

/** As the database gives it back: the hash has to be over exactly the stored characters. */
function storable(text: string, limit: number): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD').slice(0, limit).toWellFormed();
}

function toChained(row: AuditLogTable): ChainedEntry & { readonly hash: string } {
  return {
    tenantId: row.tenant_id,
    sequence: row.sequence,
    time: row.time,
    actor: row.actor,
    action: row.action,
    target: row.target,
    detail: row.detail,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

function toEntry(row: AuditLogTable): AuditEntry {
  return {
    sequence: row.sequence,
    time: row.time,
    actor: row.actor,
    action: row.action,
    ...(row.target === null ? {} : { target: row.target }),
    ...(row.detail === null ? {} : { detail: row.detail }),
  };
}
