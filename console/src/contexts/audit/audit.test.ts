import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore, type Store } from '../../store/store.ts';
import type { Audit } from './api.ts';
import { createAudit } from './audit.ts';

let directory: string;
let store: Store;
let audit: Audit;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'yagura-audit-'));
  store = await openStore({ path: join(directory, 'x.db'), now: () => 1, onEffectError: () => undefined });
  audit = createAudit({ store, clock: { now: () => 7 } });
  await store.write(async (tx) => {
    for (const id of ['a', 'b']) {
      await tx.db.insertInto('tenants').values({ tenant_id: id, name: id, created_at: 1 }).execute();
    }
    for (let index = 1; index <= 10; index += 1) {
      await audit.record(tx, { tenantId: 'a', actor: 'admin', action: 'x', target: `t${index}`, detail: `d${index}` });
    }
    await audit.record(tx, { tenantId: 'b', actor: 'admin', action: 'y' });
  });
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

/** What somebody does who has the database file: the triggers do not stop them. */
async function tamper(statement: string): Promise<void> {
  await store.write(async ({ db }) => {
    await sql.raw('DROP TRIGGER IF EXISTS audit_log_is_append_only_update').execute(db);
    await sql.raw('DROP TRIGGER IF EXISTS audit_log_is_append_only_delete').execute(db);
    await sql.raw(statement).execute(db);
  });
}

test('each customer has a chain of its own, from 1', async () => {
  expect(await audit.verify()).toMatchObject({
    entries: 11,
    findings: [],
    heads: [
      { tenantId: 'a', sequence: 10 },
      { tenantId: 'b', sequence: 1 },
    ],
  });
});

test('rows can be neither changed nor deleted by the console itself', async () => {
  const change = store.write(({ db }) => db.updateTable('audit_log').set({ actor: 'nobody' }).execute());
  await expect(change).rejects.toThrow('append-only');
  await expect(store.write(({ db }) => db.deleteFrom('audit_log').execute())).rejects.toThrow('append-only');
});

describe('the verifier finds', () => {
  test.each([
    ['a changed actor', "UPDATE audit_log SET actor = 'nobody' WHERE tenant_id = 'a' AND sequence = 4", 4, 'changed'],
    ['a changed time', "UPDATE audit_log SET time = 8 WHERE tenant_id = 'a' AND sequence = 1", 1, 'changed'],
    ['a removed detail', "UPDATE audit_log SET detail = NULL WHERE tenant_id = 'a' AND sequence = 10", 10, 'changed'],
    ['a deleted row', "DELETE FROM audit_log WHERE tenant_id = 'a' AND sequence = 4", 5, 'missing'],
    ['a deleted beginning', "DELETE FROM audit_log WHERE tenant_id = 'a' AND sequence <= 3", 4, 'missing'],
    [
      'a row from before the beginning',
      "UPDATE audit_log SET sequence = 0 WHERE tenant_id = 'a' AND sequence = 1",
      0,
      'out_of_order',
    ],
    [
      'a recomputed hash without its successors',
      "UPDATE audit_log SET hash = 'ff' WHERE tenant_id = 'a' AND sequence = 2",
      2,
      'changed',
    ],
  ])('%s', async (_name, statement, sequence, code) => {
    await tamper(statement);
    expect((await audit.verify()).findings).toEqual([{ tenantId: 'a', sequence, code }]);
  });

  test('rows cut off the end, and a chain that was written anew, by an anchor', async () => {
    const { heads } = await audit.verify();
    await tamper("DELETE FROM audit_log WHERE tenant_id = 'a' AND sequence > 6");
    expect((await audit.verify()).findings).toEqual([]);
    expect((await audit.verify(heads)).findings).toEqual([{ tenantId: 'a', sequence: 10, code: 'missing' }]);
    await store.write(async (tx) => {
      for (let index = 0; index < 6; index += 1) await audit.record(tx, { tenantId: 'a', actor: 'x', action: 'z' });
    });
    expect((await audit.verify()).findings).toEqual([]);
    expect((await audit.verify(heads)).findings).toEqual([{ tenantId: 'a', sequence: 10, code: 'changed' }]);
  });

  test('a whole chain that is gone, by an anchor', async () => {
    const { heads } = await audit.verify();
    await tamper("DELETE FROM audit_log WHERE tenant_id = 'b'");
    expect((await audit.verify(heads)).findings).toEqual([{ tenantId: 'b', sequence: 1, code: 'missing' }]);
  });
});

test('strings that a database does not keep as they are do not break the chain', async () => {
  await store.write(async (tx) => {
    for (const text of ['nul\0byte', 'lone \ud800 surrogate', 'x'.repeat(10_000), '😀'.repeat(3_000), '\u202E']) {
      await audit.record(tx, { tenantId: 'b', actor: text, action: 'x', target: text, detail: text });
    }
  });
  expect((await audit.verify()).findings).toEqual([]);
});

test('pages go from the newest to the oldest', async () => {
  const first = await audit.page('a', { limit: 4 });
  if (!first.ok) throw new Error(first.code);
  expect(first.value.items.map((entry) => entry.sequence)).toEqual([10, 9, 8, 7]);
  const second = await audit.page('a', { limit: 100, cursor: first.value.next });
  expect(second.ok && second.value.items.map((entry) => entry.sequence)).toEqual([6, 5, 4, 3, 2, 1]);
  expect(second.ok && second.value.next).toBeUndefined();
  const found = await audit.page('a', { search: 't1' });
  expect(found.ok && found.value.items.map((entry) => entry.target)).toEqual(['t10', 't1']);
  const wild = await audit.page('a', { search: '%' });
  expect(wild.ok && wild.value.items).toEqual([]);
  expect(await audit.page('a', { cursor: 'x' })).toMatchObject({ ok: false, code: 'bad_request' });
});
