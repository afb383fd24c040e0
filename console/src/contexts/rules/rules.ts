import { createHash } from 'node:crypto';
import { type RuleSummary, SEVERITIES } from '@yagura/protocol';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import { fail, succeed } from '../../platform/http-errors.ts';
import type { Log } from '../../platform/log.ts';
import { createMultiRowInsert } from '../../store/multi-row-insert.ts';
import { planPage } from '../../store/page.ts';
import type { RuleSourcesTable } from '../../store/schema.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { Rules } from './api.ts';
import {
  countRules,
  RULE_ID,
  RULE_SORT_EXPRESSIONS,
  readRule,
  readRuleIncidents,
  readRules,
  readSourcesInUse,
} from './store.ts';

export interface RulesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Log;
}

/** Different sets of built-in rules of one tenant: versions of agents, and folders of rules of their machines. */
const MAX_BUILT_IN = 32;
/** How long it is remembered which sources are in use: asking looks through the whole fleet. */
const IN_USE_MS = 5_000;

const insertRules = createMultiRowInsert({
  table: 'rules',
  columns: [
    'tenant_id',
    'source_id',
    'rule_id',
    'title',
    'system',
    'level',
    'level_rank',
    'search_text',
    'summary_json',
  ],
  onConflict: 'ON CONFLICT DO NOTHING',
});

export function createRules({ store, clock, bus, log }: RulesOptions): Rules {
  const known = new Map<string, { readonly at: number; readonly sources: Promise<string[]> }>();

  /** Sources whose rules some endpoint runs. */
  function sourcesInUse(tenantId: string): Promise<string[]> {
    const now = clock.now();
    for (const [tenant, { at }] of known) if (Math.abs(now - at) >= IN_USE_MS) known.delete(tenant);
    const remembered = known.get(tenantId);
    if (remembered) return remembered.sources;
    const sources = readSourcesInUse(store.read, tenantId);
    known.set(tenantId, { at: now, sources });
    sources.catch(() => known.delete(tenantId));
    return sources;
  }

  const changed = (tx: Tx, tenantId: string): void =>
    tx.afterCommit(() => {
      known.delete(tenantId);
      bus.publish({ type: 'changed', tenantId, topic: 'rules' });
    });

  async function enter(tx: Tx, source: RuleSourcesTable, rules: readonly RuleSummary[]): Promise<void> {
    const { tenant_id: tenantId, source_id: sourceId } = source;
    await tx.db.insertInto('rule_sources').values(source).execute();
    await insertRules(
      tx,
      rules.map((rule) => [
        tenantId,
        sourceId,
        rule.ruleId,
        rule.title,
        rule.system,
        rule.severity,
        SEVERITIES.indexOf(rule.severity),
        searchText(rule),
        JSON.stringify(rule),
      ]),
    );
    changed(tx, tenantId);
  }

  async function remove(tx: Tx, tenantId: string, sourceId: string): Promise<void> {
    for (const table of ['rules', 'rule_sources'] as const) {
      await tx.db.deleteFrom(table).where('tenant_id', '=', tenantId).where('source_id', '=', sourceId).execute();
    }
    changed(tx, tenantId);
  }

  return {
    async applyCatalogue(tx, { tenantId, endpointId }, { rules }) {
      // The hash is made here: an endpoint's word must not stand for what others reported.
      const sha256 = createHash('sha256').update(JSON.stringify(rules)).digest('hex');
      const sourceId = `built-in:${sha256}`;
      const sources = await tx.db
        .selectFrom('rule_sources')
        .select('source_id')
        .where('tenant_id', '=', tenantId)
        .where('kind', '=', 'built-in')
        .execute();
      if (!sources.some((source) => source.source_id === sourceId)) {
        if (sources.length >= MAX_BUILT_IN) {
          log.warn({ tenantId, endpointId }, 'another set of built-in rules than can be kept: it is not listed');
          return;
        }
        const common = { tenant_id: tenantId, source_id: sourceId, sha256, added_at: clock.now() };
        await enter(tx, { ...common, kind: 'built-in', name: '', version: '' }, rules);
      }
      const before = await tx.db
        .selectFrom('endpoint_rule_sources')
        .select('source_id')
        .where('tenant_id', '=', tenantId)
        .where('endpoint_id', '=', endpointId)
        .executeTakeFirst();
      if (before?.source_id === sourceId) return;
      await tx.db
        .insertInto('endpoint_rule_sources')
        .values({ tenant_id: tenantId, endpoint_id: endpointId, source_id: sourceId })
        .onConflict((conflict) => conflict.columns(['tenant_id', 'endpoint_id']).doUpdateSet({ source_id: sourceId }))
        .execute();
      changed(tx, tenantId);
      if (before) await forgetUnused(tx, tenantId, before.source_id);
    },

    async enterPack(tx, tenantId, { sha256, name, version }, rules) {
      const source_id = `pack:${sha256}`;
      await enter(
        tx,
        { tenant_id: tenantId, source_id, kind: 'pack', sha256, name, version, added_at: clock.now() },
        rules,
      );
    },

    removePack: (tx, tenantId, sha256) => remove(tx, tenantId, `pack:${sha256}`),

    async page(tenantId, query) {
      const plan = planPage(query, RULE_SORT_EXPRESSIONS, '-level', RULE_ID);
      if (!plan) return fail('bad_request');
      const sources = await sourcesInUse(tenantId);
      const found = await readRules(store.read, { tenantId, sources, query, plan, now: clock.now() });
      const { rows, next } = plan.cut(found, ({ key }) => key);
      const total = await countRules(store.read, tenantId, sources);
      const items = rows.map(({ row }) => row);
      return succeed(next === undefined ? { total, items } : { total, items, next });
    },

    async detail(tenantId, ruleId) {
      const row = await readRule(store.read, { tenantId, ruleId, now: clock.now() });
      return row && { ...row, incidents: await readRuleIncidents(store.read, tenantId, ruleId) };
    },
  };

  /** The rules of an agent's former version, once its last endpoint has another one. */
  async function forgetUnused(tx: Tx, tenantId: string, sourceId: string): Promise<void> {
    const user = await tx.db
      .selectFrom('endpoint_rule_sources')
      .select('endpoint_id')
      .where('tenant_id', '=', tenantId)
      .where('source_id', '=', sourceId)
      .executeTakeFirst();
    if (!user) await remove(tx, tenantId, sourceId);
  }
}

function searchText({ title, localTitle, ruleId, techniques, author }: RuleSummary): string {
  return [title, localTitle?.ja, ruleId, ...techniques, author].join(' ').toLowerCase();
}
