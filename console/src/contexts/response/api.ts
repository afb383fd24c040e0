import type { ActionOutcome, QuarantineItem, SignedApproval, SignedOrder } from '@yagura/protocol';
import type { z } from 'zod';
import type { ListQuery } from '../../api/fleet.ts';
import type {
  ExclusionList,
  ExclusionPlan,
  ExclusionProposals,
  OrderList,
  OrderRow,
  PlacedOrders,
  PlanExclusion,
  QuarantinePage,
  QuarantineQuery,
} from '../../api/incidents.ts';
import type { PlanRuleTuning, RuleTuningList, RuleTuningPlan, StandingOrderRow } from '../../api/rules.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';
import type { Actor } from '../identity/api.ts';

export interface WaitingOrder {
  readonly orderId: string;
  readonly order: SignedOrder;
}

/** Orders to endpoints, what became of them, quarantine and exclusions. */
export interface Response {
  // --- for the gateway ---
  /**
   * Orders that the endpoint has not confirmed and that have not expired, by rising counter. Ask at the start
   * of a session and at each `orders-waiting` on the bus; sending one twice is harmless.
   */
  waitingOrders(origin: Origin): Promise<WaitingOrder[]>;
  ordersSent(origin: Origin, orderIds: readonly string[]): Promise<void>;
  /** The agent's `order-received` frame. */
  orderReceived(origin: Origin, orderId: string, accepted: boolean, code: string): Promise<void>;

  // --- what endpoints report, inside the ingesting transaction; all safe to repeat ---
  applyOutcome(tx: Tx, origin: Origin, outcome: ActionOutcome, receivedAt: number): Promise<void>;
  applyQuarantineItem(tx: Tx, origin: Origin, item: QuarantineItem, receivedAt: number): Promise<void>;

  // --- for people ---
  place(actor: Actor, approvals: readonly SignedApproval[]): Promise<Result<PlacedOrders>>;
  orders(tenantId: string, query: z.infer<typeof ListQuery>): Promise<Result<OrderList>>;
  order(tenantId: string, orderId: string): Promise<OrderRow | undefined>;
  ordersAbout(tenantId: string, endpointId: string, storyId: string): Promise<OrderRow[]>;
  quarantine(tenantId: string, query: z.infer<typeof QuarantineQuery>): Promise<Result<QuarantinePage>>;
  exclusions(tenantId: string): Promise<ExclusionList>;
  planExclusion(actor: Actor, request: PlanExclusion): Promise<Result<ExclusionPlan>>;
  tunings(tenantId: string): Promise<RuleTuningList>;
  planTuning(actor: Actor, request: PlanRuleTuning): Promise<Result<RuleTuningPlan>>;
  /** What a person approved for every endpoint of the tenant, those enrolled later included. */
  placeStanding(actor: Actor, approval: SignedApproval): Promise<Result<StandingOrderRow>>;
  standingOrder(tenantId: string, standingId: string): Promise<StandingOrderRow | undefined>;
  /** Which pack holds for the whole tenant, if people chose one. */
  standingPack(tenantId: string): Promise<StandingOrderRow | undefined>;
  proposeExclusions(tenantId: string, incidentId: string): Promise<Result<ExclusionProposals>>;
}
