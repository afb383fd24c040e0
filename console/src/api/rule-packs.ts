import { Id, Platform, RulePackHeader, RulePackHealth, RulePackReference, ShortText, WallTime } from '@yagura/protocol';
import { z } from 'zod';
import { StandingOrderRow } from './rules.ts';

/** A compiled pack that the console holds for its tenant. `header` is what the pack says about itself. */
export const RulePackRow = z.strictObject({
  ...RulePackReference.shape,
  header: RulePackHeader,
  uploadedAt: WallTime,
  uploadedBy: ShortText,
});
export type RulePackRow = z.infer<typeof RulePackRow>;

/** What an endpoint last said about its rules; nothing before its first report, or from an older agent. */
export const EndpointRules = z.strictObject({
  endpointId: Id,
  endpointName: ShortText,
  platform: Platform,
  /** Rules in force, those that the agent brings included. */
  rules: z.number().int().min(0).optional(),
  rulePack: RulePackHealth.optional(),
});
export type EndpointRules = z.infer<typeof EndpointRules>;

export const RulePackList = z.strictObject({
  items: z.array(RulePackRow),
  endpoints: z.array(EndpointRules),
  /** What holds for the whole tenant, endpoints enrolled later included; absent before anybody chose. */
  standing: StandingOrderRow.optional(),
});
export type RulePackList = z.infer<typeof RulePackList>;
