import {
  Containment,
  Exclusion,
  ExclusionMatch,
  Id,
  ORDER_KINDS,
  OrderAction,
  QuarantineItem,
  Severity,
  ShortText,
  SignedApproval,
  Story,
  WallTime,
} from '@yagura/protocol';
import { z } from 'zod';
import { ListQuery } from './fleet.ts';

/** What the service owes the customer: at once, by the next business hour, in the weekly report. */
export const LANE_WORDS = ['severe', 'attention', 'information'] as const;
export const ServiceLane = z.enum(LANE_WORDS);
export type ServiceLane = z.infer<typeof ServiceLane>;

export const RESOLUTIONS = ['handled', 'false-positive', 'accepted', 'test'] as const;
export const Resolution = z.enum(RESOLUTIONS);
export type Resolution = z.infer<typeof Resolution>;

export const IncidentRow = z.strictObject({
  incidentId: Id,
  endpointId: Id,
  endpointName: ShortText,
  lane: ServiceLane,
  severity: Severity,
  containment: Containment,
  safeTest: z.boolean(),
  status: z.enum(['open', 'closed']),
  resolution: Resolution.optional(),
  /** Title of the strongest rule, in both languages where it has them. */
  title: z.strictObject({ ja: ShortText.optional(), en: ShortText }),
  detectionCount: z.number().int().min(1),
  /** Endpoint's clock, corrected by its measured offset. */
  occurredAt: WallTime,
  receivedAt: WallTime,
  updatedAt: WallTime,
  closedAt: WallTime.optional(),
});
export type IncidentRow = z.infer<typeof IncidentRow>;

export const INCIDENT_SORTS = [
  'receivedAt',
  'occurredAt',
  'updatedAt',
  'lane',
  'severity',
  'endpointName',
  'detectionCount',
] as const;
export type IncidentSort = (typeof INCIDENT_SORTS)[number];

export const IncidentQuery = ListQuery.extend({
  status: z.enum(['open', 'closed']).optional(),
  lane: ServiceLane.optional(),
  endpointId: Id.optional(),
});
export type IncidentQuery = z.infer<typeof IncidentQuery>;

export const IncidentPage = z.strictObject({
  /** Open incidents by lane, regardless of the filter. */
  open: z.strictObject({
    severe: z.number().int().min(0),
    attention: z.number().int().min(0),
    information: z.number().int().min(0),
  }),
  items: z.array(IncidentRow),
  next: z.string().optional(),
});
export type IncidentPage = z.infer<typeof IncidentPage>;

export const ORDER_STATES = ['waiting', 'sent', 'received', 'done', 'failed', 'refused', 'expired'] as const;
export const OrderState = z.enum(ORDER_STATES);
export type OrderState = z.infer<typeof OrderState>;

export const OrderRow = z.strictObject({
  orderId: Id,
  endpointId: Id,
  endpointName: ShortText,
  action: OrderAction,
  state: OrderState,
  /** Code of the outcome or of the refusal. */
  code: ShortText.optional(),
  orderedBy: ShortText,
  orderedAt: WallTime,
  expiresAt: WallTime,
  endedAt: WallTime.optional(),
});
export type OrderRow = z.infer<typeof OrderRow>;
export const OrderKindSchema = z.enum(ORDER_KINDS);

export const IncidentDetail = z.strictObject({
  ...IncidentRow.shape,
  hostname: ShortText,
  story: Story,
  /** What people ordered about this incident. */
  orders: z.array(OrderRow),
  closeNote: z.string().max(2_000).optional(),
  closedBy: ShortText.optional(),
  times: z.strictObject({
    /** As the endpoint's clock said. */
    endpoint: WallTime,
    corrected: WallTime,
    received: WallTime,
    judged: WallTime,
  }),
});
export type IncidentDetail = z.infer<typeof IncidentDetail>;

export const CloseIncident = z.strictObject({ resolution: Resolution, note: z.string().max(2_000) });
export type CloseIncident = z.infer<typeof CloseIncident>;

export const PlaceOrders = z.strictObject({ approvals: z.array(SignedApproval).min(1).max(100) });
export type PlaceOrders = z.infer<typeof PlaceOrders>;
export const PlacedOrders = z.strictObject({ orders: z.array(OrderRow) });
export type PlacedOrders = z.infer<typeof PlacedOrders>;
export const OrderList = z.strictObject({ items: z.array(OrderRow), next: z.string().optional() });
export type OrderList = z.infer<typeof OrderList>;

export const QuarantineRow = z.strictObject({
  ...QuarantineItem.shape,
  endpointId: Id,
  endpointName: ShortText,
  incidentId: Id.optional(),
});
export type QuarantineRow = z.infer<typeof QuarantineRow>;
export const QUARANTINE_SORTS = ['quarantinedAt', 'path', 'endpointName', 'state'] as const;
export type QuarantineSort = (typeof QUARANTINE_SORTS)[number];
export const ORDER_SORTS = ['orderedAt', 'endpointName', 'kind'] as const;
export type OrderSort = (typeof ORDER_SORTS)[number];

export const QuarantineQuery = ListQuery.extend({
  state: z.enum(['held', 'restored', 'deleted']).optional(),
  endpointId: Id.optional(),
});
export const QuarantinePage = z.strictObject({ items: z.array(QuarantineRow), next: z.string().optional() });
export type QuarantinePage = z.infer<typeof QuarantinePage>;

export const ExclusionRow = z.strictObject({
  ...Exclusion.shape,
  endpointId: Id,
  endpointName: ShortText,
});
export type ExclusionRow = z.infer<typeof ExclusionRow>;
export const ExclusionList = z.strictObject({ items: z.array(ExclusionRow) });
export type ExclusionList = z.infer<typeof ExclusionList>;

/**
 * Asks which orders an added or ended exclusion would need; nothing changes until a person approves them
 * and they are placed.
 */
export const PlanExclusion = z.discriminatedUnion('change', [
  z.strictObject({
    change: z.literal('add'),
    endpointId: Id,
    match: ExclusionMatch,
    reason: z.string().trim().min(1).max(1_000),
    validDays: z.number().int().min(1).max(365),
  }),
  z.strictObject({ change: z.literal('end'), endpointId: Id, exclusionId: Id }),
]);
export type PlanExclusion = z.infer<typeof PlanExclusion>;
export const ExclusionPlan = z.strictObject({
  actions: z.array(z.strictObject({ endpointId: Id, action: OrderAction })),
});
export type ExclusionPlan = z.infer<typeof ExclusionPlan>;

/** What could be excluded for an incident, most precise first, with how it would be named. */
export const ExclusionProposals = z.strictObject({
  items: z.array(z.strictObject({ match: ExclusionMatch, ruleTitle: ShortText.optional() })),
});
export type ExclusionProposals = z.infer<typeof ExclusionProposals>;
