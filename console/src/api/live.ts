import { Id } from '@yagura/protocol';
import { z } from 'zod';

/** What a browser's live feed can say has changed; the browser asks for what it shows of it. */
export const LIVE_TOPICS = [
  'endpoints',
  'incidents',
  'orders',
  'quarantine',
  'exclusions',
  'rule-packs',
  'rules',
  'rule-tunings',
  'tokens',
  'subscriptions',
] as const;
export const LiveTopic = z.enum(LIVE_TOPICS);
export type LiveTopic = z.infer<typeof LiveTopic>;

/** Sent over `GET /api/live` (WebSocket). A slow browser loses messages and gets `resync` instead. */
export const LiveMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('changed'), topic: LiveTopic, id: Id.optional() }),
  z.strictObject({ type: z.literal('resync') }),
]);
export type LiveMessage = z.infer<typeof LiveMessage>;
