import { z } from 'zod';
import { PolicyMode } from '../action/action.ts';
import { RulePackReference } from '../detection/rule-pack.ts';
import { LIMITS } from '../limits.ts';
import { Id, Platform, ShortText, Text, WallTime } from '../vocabulary.ts';

/** `active` sees everything it declares; `degraded` says what it misses; `blind` sees nothing. */
export const SENSOR_STATES = ['active', 'degraded', 'blind', 'stopped'] as const;
export const SensorState = z.enum(SENSOR_STATES);
export type SensorState = z.infer<typeof SensorState>;

export const SensorHealth = z.strictObject({
  name: ShortText,
  state: SensorState,
  /** Stable code of the reason when it is not active, such as `needs_root`, `audit_immutable`. */
  code: ShortText.optional(),
  /** What to do about it, for the operator. */
  detail: Text.optional(),
  events: z.number().int().min(0),
  /** Events known to be lost, counted where they were lost. */
  lost: z.number().int().min(0),
});
export type SensorHealth = z.infer<typeof SensorHealth>;

/** The rule pack of an endpoint beside the rules that its agent brings. */
export const RulePackHealth = z.strictObject({
  /** In force; absent while there is none. */
  active: RulePackReference.optional(),
  /** Was in force or was to be, and is not: `pack_crashed`, `pack_damaged`, `pack_rejected`, `io_error`. */
  failed: z.strictObject({ ...RulePackReference.shape, code: ShortText }).optional(),
});
export type RulePackHealth = z.infer<typeof RulePackHealth>;

/** A rule that took more than its time and is left out for a while. */
export const SuspendedRule = z.strictObject({
  ruleId: Id,
  title: ShortText,
  since: WallTime,
  /** When it is tried again. */
  until: WallTime,
  /** How often it was suspended in this run of the agent. */
  times: z.number().int().min(1),
});
export type SuspendedRule = z.infer<typeof SuspendedRule>;

/** The tunings of an endpoint: which sets it holds, and what each did since the agent began. */
export const RuleTuningHealth = z.strictObject({
  endpointVersion: z.number().int().min(0),
  tenantVersion: z.number().int().min(0),
  /** Tunings that have not ended, by the time that the agent judges by. */
  inForce: z.number().int().min(0),
  /** Matches that a tuning took out or gave another level; tunings without any are left out. */
  matches: z.array(z.strictObject({ tuningId: Id, count: z.number().int().min(1) })).max(LIMITS.ruleTunings * 2),
});
export type RuleTuningHealth = z.infer<typeof RuleTuningHealth>;

export const Health = z.strictObject({
  time: WallTime,
  agentVersion: ShortText,
  policy: PolicyMode,
  sensors: z.array(SensorHealth).max(LIMITS.sensors),
  rules: z.strictObject({
    loaded: z.number().int().min(0),
    rejected: z.number().int().min(0),
    /** Rules that are left out now because they took too much time, the most recent last. */
    suspended: z.array(SuspendedRule).max(LIMITS.sensors).optional(),
  }),
  spool: z.strictObject({
    alerts: z.number().int().min(0),
    telemetry: z.number().int().min(0),
    bytes: z.number().int().min(0),
    shed: z.number().int().min(0),
  }),
  suppressed: z.number().int().min(0),
  exclusionsVersion: z.number().int().min(0),
  rulePack: RulePackHealth.optional(),
  tunings: RuleTuningHealth.optional(),
});
export type Health = z.infer<typeof Health>;

export const Inventory = z.strictObject({
  time: WallTime,
  platform: Platform,
  hostname: ShortText,
  osName: ShortText,
  osVersion: ShortText.optional(),
  kernel: ShortText.optional(),
  architecture: ShortText,
  cpu: ShortText.optional(),
  memoryBytes: z.number().int().min(0).optional(),
  addresses: z.array(ShortText).max(64),
});
export type Inventory = z.infer<typeof Inventory>;
