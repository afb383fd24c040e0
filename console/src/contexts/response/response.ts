import type { Exclusion } from '@yagura/protocol';
import { sql } from 'kysely';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import { fail, succeed } from '../../platform/http-errors.ts';
import type { Log } from '../../platform/log.ts';
import { newId, type Random } from '../../platform/random.ts';
import type { SignerClient } from '../../signer/client.ts';
import { contains, planPage } from '../../store/page.ts';
import type { Store } from '../../store/store.ts';
import type { Alerts } from '../alerts/api.ts';
import type { Audit } from '../audit/api.ts';
import type { Fleet } from '../fleet/api.ts';
import type { RulePacks } from '../rule-packs/api.ts';
import type { Response } from './api.ts';
import { applyOutcome, applyQuarantineItem, findOrder, setOrderState } from './apply-reports.ts';
import { withExclusion, withoutExclusion } from './domain/exclusion-set.ts';
import { afterConfirmation, UNCONFIRMED_STATES } from './domain/order-state.ts';
import { proposeExclusions } from './domain/propose-exclusions.ts';
import { placeOrders } from './place-orders.ts';
import { planRuleTuning } from './plan-tuning.ts';
import { createStandingDelivery, placeStandingOrder } from './standing-orders.ts';
import { readStandingOrder, toStandingRow } from './standing-store.ts';
import {
  ORDER_ID,
  ORDER_SORT_EXPRESSIONS,
  QUARANTINE_ID,
  QUARANTINE_SORT_EXPRESSIONS,
  readExclusionSet,
  readExclusions,
  readQuarantine,
  selectOrders,
  toOrderRow,
} from './store.ts';
import { readTunings } from './tuning-store.ts';

export interface ResponseOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly audit: Audit;
  readonly signer: SignerClient;
  readonly fleet: Pick<Fleet, 'applyPolicy'>;
  readonly incidentContent: Alerts['content'];
  /** An order for a pack that nobody can fetch would only fail at the endpoint. */
  readonly rulePackExists: RulePacks['exists'];
  readonly log: Log;
}

const DAY_MS = 24 * 3_600_000;
/** Orders handed to an endpoint at once; the rest follows when these are confirmed. */
const MAX_WAITING = 100;
const MAX_ABOUT_STORY = 200;

export function createResponse(options: ResponseOptions): Response {
  const { store, clock, random } = options;
  const standing = createStandingDelivery(options);

  return {
    async waitingOrders({ tenantId, endpointId }) {
      standing.ensure({ tenantId, endpointId });
      const rows = await store.read
        .selectFrom('orders')
        .select(['order_id', 'signed_payload', 'signature'])
        .where('tenant_id', '=', tenantId)
        .where('endpoint_id', '=', endpointId)
        .where('state', 'in', UNCONFIRMED_STATES)
        .where('expires_at', '>', clock.now())
        .orderBy('counter')
        .limit(MAX_WAITING)
        .execute();
      return rows.map((row) => ({
        orderId: row.order_id,
        order: { payload: row.signed_payload, signature: row.signature },
      }));
    },

    async ordersSent(origin, orderIds) {
      if (orderIds.length === 0) return;
      await store.write(async (tx) => {
        for (const orderId of orderIds) {
          const order = await findOrder(tx, origin, orderId);
          if (order?.state === 'waiting') await setOrderState(options, tx, order, { state: 'sent' });
        }
      });
    },

    async orderReceived(origin, orderId, accepted, code) {
      await store.write(async (tx) => {
        const order = await findOrder(tx, origin, orderId);
        if (!order) return;
        const state = afterConfirmation(order.state, accepted, code);
        if (state === order.state) return;
        const ended = state === 'refused' ? { code, ended_at: clock.now() } : {};
        await setOrderState(options, tx, order, { state, ...ended });
      });
    },

    applyOutcome: (tx, origin, outcome, receivedAt) => applyOutcome(options, tx, origin, outcome, receivedAt),
    applyQuarantineItem: (tx, origin, item, receivedAt) => applyQuarantineItem(options, tx, origin, item, receivedAt),

    place: (actor, approvals) => placeOrders(options, actor, approvals),

    async orders(tenantId, query) {
      const plan = planPage(query, ORDER_SORT_EXPRESSIONS, '-orderedAt', ORDER_ID);
      if (!plan) return fail('bad_request');
      let select = selectOrders(store.read, tenantId)
        // What the whole tenant was given is shown once, with how far it has come.
        .where('orders.standing_id', 'is', null)
        .select(plan.by.as('sort_value'))
        .where(plan.after)
        .orderBy(plan.by, plan.direction)
        .orderBy(plan.id, plan.direction)
        .limit(plan.fetch);
      if (query.search !== undefined && query.search.trim() !== '') {
        const text = query.search.trim();
        select = select.where(
          sql<boolean>`(${contains(sql.ref('endpoints.display_name'), text)} OR ${contains(sql.ref('orders.kind'), text)}
            OR ${contains(sql.ref('orders.ordered_by'), text)})`,
        );
      }
      const { rows, next } = plan.cut(await select.execute(), (row) => [row.sort_value, row.order_id]);
      const now = clock.now();
      const items = rows.map((row) => toOrderRow(row, now));
      return succeed(next === undefined ? { items } : { items, next });
    },

    async order(tenantId, orderId) {
      const row = await selectOrders(store.read, tenantId).where('orders.order_id', '=', orderId).executeTakeFirst();
      return row && toOrderRow(row, clock.now());
    },

    /** Orders that name the story, and those that name a file which it brought into the vault. */
    async ordersAbout(tenantId, endpointId, storyId) {
      const rows = await selectOrders(store.read, tenantId)
        .where('orders.endpoint_id', '=', endpointId)
        .where((eb) =>
          eb.or([
            eb('orders.story_id', '=', storyId),
            eb(
              'orders.quarantine_id',
              'in',
              eb
                .selectFrom('quarantine_items')
                .select('quarantine_items.quarantine_id')
                .where('quarantine_items.tenant_id', '=', tenantId)
                .where('quarantine_items.endpoint_id', '=', endpointId)
                .where('quarantine_items.story_id', '=', storyId),
            ),
          ]),
        )
        .orderBy('orders.ordered_at', 'desc')
        .orderBy('orders.order_id')
        .limit(MAX_ABOUT_STORY)
        .execute();
      const now = clock.now();
      return rows.map((row) => toOrderRow(row, now));
    },

    async quarantine(tenantId, query) {
      const plan = planPage(query, QUARANTINE_SORT_EXPRESSIONS, '-quarantinedAt', QUARANTINE_ID);
      if (!plan) return fail('bad_request');
      const { rows, next } = plan.cut(await readQuarantine(store.read, tenantId, query, plan), (row) => row.key);
      const items = rows.map(({ row }) => row);
      return succeed(next === undefined ? { items } : { items, next });
    },

    async exclusions(tenantId) {
      return { items: await readExclusions(store.read, tenantId, clock.now()) };
    },

    async planExclusion({ tenantId, name }, request) {
      const { endpointId } = request;
      const endpoint = await store.read
        .selectFrom('endpoints')
        .select('revoked_at')
        .where('tenant_id', '=', tenantId)
        .where('endpoint_id', '=', endpointId)
        .executeTakeFirst();
      if (!endpoint) return fail('not_found');
      if (endpoint.revoked_at !== null) return fail('endpoint_revoked');
      const now = clock.now();
      const set = await readExclusionSet(store.read, { tenantId, endpointId }, now);
      const changed =
        request.change === 'end'
          ? withoutExclusion(set, request.exclusionId, now)
          : withExclusion(
              set,
              {
                exclusionId: newId(random, 'exc'),
                match: request.match,
                owner: name,
                reason: request.reason,
                createdAt: now,
                expiresAt: now + request.validDays * DAY_MS,
              } satisfies Exclusion,
              now,
            );
      if (!changed.ok) return fail(changed.code);
      return succeed({
        actions: [
          {
            endpointId,
            action: { kind: 'set-exclusions', version: set.nextVersion, exclusions: changed.exclusions },
          },
        ],
      });
    },

    async tunings(tenantId) {
      return readTunings(store.read, tenantId, clock.now());
    },
    planTuning: (actor, request) => planRuleTuning(options, actor, request),
    placeStanding: (actor, approval) => placeStandingOrder(options, actor, approval),
    async standingOrder(tenantId, standingId) {
      const row = await store.read
        .selectFrom('standing_orders')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('standing_id', '=', standingId)
        .executeTakeFirst();
      return row && toStandingRow(store.read, row);
    },
    async standingPack(tenantId) {
      const row = await readStandingOrder(store.read, tenantId, 'rule-pack');
      return row === undefined || row.expires_at <= clock.now() ? undefined : toStandingRow(store.read, row);
    },

    async proposeExclusions(tenantId, incidentId) {
      const incident = await options.incidentContent(tenantId, incidentId);
      return incident ? succeed({ items: proposeExclusions(incident.story) }) : fail('not_found');
    },
  };
}
