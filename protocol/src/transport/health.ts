import { z } from 'zod';
import { PolicyMode } from '../action/action.ts';
import { RulePackReference } from '../detection/rule-pack.ts';
import { LIMITS } from '../limits.ts';
import { Platform, ShortText, Text, WallTime } from '../vocabulary.ts';

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

export const Health = z.strictObject({
  time: WallTime,
  agentVersion: ShortText,
  policy: PolicyMode,
  sensors: z.array(SensorHealth).max(LIMITS.sensors),
  rules: z.strictObject({
    loaded: z.number().int().min(0),
    rejected: z.number().int().min(0),
    /** Titles of rules that were set aside for a while because they took too much time. */
    suspended: z.array(ShortText).max(LIMITS.sensors).optional(),
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
