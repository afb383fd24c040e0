import {
  Id,
  LIMITS,
  OrderAction,
  Platform,
  RuleChange,
  RulePackReference,
  RuleSummary,
  RuleSystem,
  RuleTuning,
  Severity,
  ShortText,
  SignedApproval,
  SuspendedRule,
  TenantOrderAction,
  WallTime,
} from '@yagura/protocol';
import { z } from 'zod';
import { ListQuery } from './fleet.ts';

/** Where a rule comes from: the agents themselves, or a pack. */
export const RuleOrigin = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('built-in') }),
  z.strictObject({
    kind: z.literal('pack'),
    ...RulePackReference.pick({ sha256: true, name: true, version: true }).shape,
  }),
]);
export type RuleOrigin = z.infer<typeof RuleOrigin>;

/** A rule that some endpoint runs. */
export const RuleRow = z.strictObject({
  ...RuleSummary.shape,
  origin: RuleOrigin,
  /** Detections of stories that were received within the last 30 days, as far as the stories list them. */
  detections: z.number().int().min(0),
});
export type RuleRow = z.infer<typeof RuleRow>;

export const RULE_SORTS = ['title', 'level', 'system', 'detections'] as const;
export type RuleSort = (typeof RULE_SORTS)[number];

export const RuleQuery = ListQuery.extend({ system: RuleSystem.optional(), level: Severity.optional() });
export type RuleQuery = z.infer<typeof RuleQuery>;

export const RulePage = z.strictObject({
  /** All rules in use, regardless of the filter. */
  total: z.number().int().min(0),
  items: z.array(RuleRow),
  next: z.string().optional(),
});
export type RulePage = z.infer<typeof RulePage>;

/** Where a rule was seen last. */
export const RuleIncident = z.strictObject({
  incidentId: Id,
  title: z.strictObject({ ja: ShortText.optional(), en: ShortText }),
  endpointName: ShortText,
  receivedAt: WallTime,
});
export type RuleIncident = z.infer<typeof RuleIncident>;

export const RuleDetail = z.strictObject({
  ...RuleRow.shape,
  /** Newest first. */
  incidents: z.array(RuleIncident),
});
export type RuleDetail = z.infer<typeof RuleDetail>;

/** How far something that holds for the whole tenant has come. */
export const TenantProgress = z.strictObject({
  /** Endpoints that are not revoked. */
  endpoints: z.number().int().min(0),
  done: z.number().int().min(0),
  /** Refused or failed. */
  failed: z.number().int().min(0),
});
export type TenantProgress = z.infer<typeof TenantProgress>;

/** A tuning in force, or about to be: where, and what it did. */
export const RuleTuningRow = z.strictObject({
  ...RuleTuning.shape,
  /** Absent for one that holds for the whole tenant. */
  endpoint: z.strictObject({ endpointId: Id, name: ShortText }).optional(),
  /** For one that holds for the whole tenant. */
  progress: TenantProgress.optional(),
  /** Matches that it took out or changed, as endpoints counted since their agents began. */
  matches: z.number().int().min(0),
});
export type RuleTuningRow = z.infer<typeof RuleTuningRow>;

/** Rules that took too much time, by rule. */
export const SuspendedRuleRow = z.strictObject({
  ...SuspendedRule.shape,
  endpointId: Id,
  endpointName: ShortText,
});
export type SuspendedRuleRow = z.infer<typeof SuspendedRuleRow>;

export const RuleTuningList = z.strictObject({
  /** Those that end first in front. */
  items: z.array(RuleTuningRow),
  suspended: z.array(SuspendedRuleRow),
  /** Endpoints that can be chosen; more than a dialog lists are left out. */
  endpoints: z.array(z.strictObject({ endpointId: Id, name: ShortText, platform: Platform })),
});
export type RuleTuningList = z.infer<typeof RuleTuningList>;

/** For the whole tenant, those enrolled later included, or for these endpoints. */
export const RuleTuningTarget = z.discriminatedUnion('scope', [
  z.strictObject({ scope: z.literal('tenant') }),
  z.strictObject({ scope: z.literal('endpoints'), endpointIds: z.array(Id).min(1).max(100) }),
]);
export type RuleTuningTarget = z.infer<typeof RuleTuningTarget>;

/** Asks what has to be approved; nothing changes until a person did and it was placed. */
export const PlanRuleTuning = z.discriminatedUnion('change', [
  z.strictObject({
    change: z.literal('add'),
    target: RuleTuningTarget,
    ruleId: Id,
    ruleTitle: ShortText,
    to: RuleChange,
    reason: z.string().trim().min(1).max(LIMITS.shortText),
    validDays: z.number().int().min(1).max(365),
  }),
  z.strictObject({ change: z.literal('end'), target: RuleTuningTarget, tuningId: Id }),
]);
export type PlanRuleTuning = z.infer<typeof PlanRuleTuning>;

export const RuleTuningPlan = z.strictObject({
  /** Orders for single endpoints. */
  actions: z.array(z.strictObject({ endpointId: Id, action: OrderAction })),
  /** What is to be approved once for the whole tenant. */
  tenantAction: TenantOrderAction.optional(),
});
export type RuleTuningPlan = z.infer<typeof RuleTuningPlan>;

export const PlaceStandingOrder = z.strictObject({ approval: SignedApproval });
export type PlaceStandingOrder = z.infer<typeof PlaceStandingOrder>;

/** What a person approved for every endpoint of the tenant. */
export const StandingOrderRow = z.strictObject({
  standingId: Id,
  action: TenantOrderAction,
  orderedBy: ShortText,
  orderedAt: WallTime,
  /** Until when endpoints that come are given it. */
  expiresAt: WallTime,
  progress: TenantProgress,
});
export type StandingOrderRow = z.infer<typeof StandingOrderRow>;
