import { z } from 'zod';
import { SignedOrder } from '../action/order.ts';
import { LIMITS } from '../limits.ts';
import { Id, Platform, ShortText, Text, WallTime } from '../vocabulary.ts';

/** Versions of this protocol that this code speaks, oldest to newest. */
export const PROTOCOL_VERSIONS = { min: 1, max: 1 } as const;

export const VersionRange = z.strictObject({
  min: z.number().int().min(1).max(1_000),
  max: z.number().int().min(1).max(1_000),
});
export type VersionRange = z.infer<typeof VersionRange>;

/** Picks the newest version that both speak (SPEC VN1), or nothing. */
export function negotiateVersion(ours: VersionRange, theirs: VersionRange): number | undefined {
  const newest = Math.min(ours.max, theirs.max);
  return newest >= Math.max(ours.min, theirs.min) ? newest : undefined;
}

/** Text frames from the agent. Batches travel as binary frames instead (codec.ts). */
export const AgentFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    protocol: VersionRange,
    agentVersion: ShortText,
    platform: Platform,
    hostname: ShortText,
    epoch: Id,
    /** Highest sequence the endpoint ever gave out in this epoch. */
    lastSequence: z.number().int().min(0),
    time: WallTime,
  }),
  z.strictObject({ type: z.literal('renew'), csr: z.string().max(LIMITS.csr) }),
  z.strictObject({ type: z.literal('order-received'), orderId: Id, accepted: z.boolean(), code: ShortText }),
]);
export type AgentFrame = z.infer<typeof AgentFrame>;
export type Hello = Extract<AgentFrame, { type: 'hello' }>;

const SequenceRange = z.tuple([z.number().int().min(1), z.number().int().min(1)]);

/** Text frames from the console. */
export const ConsoleFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('welcome'),
    protocol: z.number().int().min(1),
    consoleVersion: ShortText,
    time: WallTime,
    endpointId: Id,
    tenantId: Id,
  }),
  z.strictObject({
    type: z.literal('refused'),
    code: ShortText,
    message: Text,
    agent: VersionRange.optional(),
    console: VersionRange.optional(),
  }),
  /** Sent only after the batch's transaction has been committed (SPEC UP3). */
  z.strictObject({
    type: z.literal('ack'),
    batchId: z.number().int().min(1),
    epoch: Id,
    ranges: z.array(SequenceRange).max(LIMITS.batchItems),
  }),
  /** The batch cannot be taken now or ever; `retryAfterMs` absent means never as it is. */
  z.strictObject({
    type: z.literal('nack'),
    batchId: z.number().int().min(1),
    code: ShortText,
    message: Text,
    retryAfterMs: z.number().int().min(0).optional(),
    /** Sequences of items that are at fault and that the agent must set aside. */
    poisoned: z.array(z.number().int().min(1)).max(LIMITS.batchItems).optional(),
  }),
  z.strictObject({ type: z.literal('order'), order: SignedOrder }),
  z.strictObject({
    type: z.literal('certificate'),
    certificate: z.string().max(LIMITS.certificateChain),
    ca: z.string().max(LIMITS.certificateChain),
  }),
]);
export type ConsoleFrame = z.infer<typeof ConsoleFrame>;

/** WebSocket close codes of the agents' gateway, each with the stable word that logs and screens use. */
export const CLOSE_CODES = {
  frame_too_large: 1009,
  frame_malformed: 4400,
  certificate_missing: 4401,
  certificate_revoked: 4403,
  hello_expected: 4404,
  version_unsupported: 4406,
  duplicate_session: 4409,
  rate_limited: 4429,
  console_stopping: 1001,
  internal: 1011,
} as const;
export type CloseReason = keyof typeof CLOSE_CODES;
