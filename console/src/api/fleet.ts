import { Health, Id, Inventory, Platform, PolicyMode, ShortText, WallTime } from '@yagura/protocol';
import { z } from 'zod';

/** `watching`: live and every sensor active; `degraded`: live but something is not seen. */
export const ENDPOINT_STATES = ['watching', 'degraded', 'offline', 'revoked'] as const;
export const EndpointState = z.enum(ENDPOINT_STATES);
export type EndpointState = z.infer<typeof EndpointState>;

export const EndpointRow = z.strictObject({
  endpointId: Id,
  /** What its users call it; the host name until somebody names it. */
  displayName: ShortText,
  hostname: ShortText,
  platform: Platform,
  state: EndpointState,
  policy: PolicyMode,
  agentVersion: ShortText,
  enrolledAt: WallTime,
  lastSeenAt: WallTime.optional(),
  openIncidents: z.number().int().min(0),
  /** Open incidents of the lane `severe`. */
  severeIncidents: z.number().int().min(0),
});
export type EndpointRow = z.infer<typeof EndpointRow>;

export const ListQuery = z.strictObject({
  search: z.string().max(256).optional(),
  /** A name such as `lastSeenAt` (see `ENDPOINT_SORTS`); `-` in front of it sorts descending. */
  sort: z.string().max(64).optional(),
  /** `next` of the page before. */
  cursor: z.string().max(1_024).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
});

export const ENDPOINT_SORTS = [
  'displayName',
  'state',
  'platform',
  'policy',
  'agentVersion',
  'enrolledAt',
  'lastSeenAt',
  'openIncidents',
] as const;
export type EndpointSort = (typeof ENDPOINT_SORTS)[number];

export const EndpointQuery = ListQuery.extend({ state: EndpointState.optional() });
export type EndpointQuery = z.infer<typeof EndpointQuery>;

export const FleetSummary = z.strictObject({
  total: z.number().int().min(0),
  watching: z.number().int().min(0),
  degraded: z.number().int().min(0),
  offline: z.number().int().min(0),
  revoked: z.number().int().min(0),
  /** The newest sign of life of any endpoint. */
  lastSeenAt: WallTime.optional(),
});
export type FleetSummary = z.infer<typeof FleetSummary>;

export const EndpointPage = z.strictObject({
  summary: FleetSummary,
  items: z.array(EndpointRow),
  next: z.string().optional(),
});
export type EndpointPage = z.infer<typeof EndpointPage>;

export const EndpointDetail = z.strictObject({
  ...EndpointRow.shape,
  certificateExpiresAt: WallTime.optional(),
  health: Health.optional(),
  inventory: Inventory.optional(),
  seatStartedAt: WallTime.optional(),
});
export type EndpointDetail = z.infer<typeof EndpointDetail>;

export const RenameEndpoint = z.strictObject({ displayName: z.string().trim().min(1).max(64) });
export type RenameEndpoint = z.infer<typeof RenameEndpoint>;

export const EnrolmentTokenRow = z.strictObject({
  tokenId: Id,
  label: ShortText,
  createdAt: WallTime,
  createdBy: ShortText,
  expiresAt: WallTime,
  usedAt: WallTime.optional(),
  endpointId: Id.optional(),
  state: z.enum(['open', 'used', 'expired', 'withdrawn']),
});
export type EnrolmentTokenRow = z.infer<typeof EnrolmentTokenRow>;
export const EnrolmentTokenList = z.strictObject({ items: z.array(EnrolmentTokenRow) });
export type EnrolmentTokenList = z.infer<typeof EnrolmentTokenList>;

export const CreateEnrolmentToken = z.strictObject({
  label: z.string().trim().max(64),
  validHours: z.number().int().min(1).max(720),
});
export type CreateEnrolmentToken = z.infer<typeof CreateEnrolmentToken>;

/** Shown once: the console keeps only a hash of the secret. */
export const CreatedEnrolmentToken = z.strictObject({
  ...EnrolmentTokenRow.shape,
  token: z.string(),
  command: z.string(),
});
export type CreatedEnrolmentToken = z.infer<typeof CreatedEnrolmentToken>;

export const SeatRow = z.strictObject({
  seatId: Id,
  endpointId: Id,
  displayName: ShortText,
  hostname: ShortText,
  startedAt: WallTime,
  endedAt: WallTime.optional(),
  /** Charged for the month, yen, without tax. */
  amountYen: z.number().int().min(0),
});
export type SeatRow = z.infer<typeof SeatRow>;

export const SubscriptionQuery = z.strictObject({
  month: z
    .string()
    .regex(/^\d{4}-(0[1-9]|1[0-2])$/)
    .optional(),
});
export const SubscriptionMonth = z.strictObject({
  /** `2026-11`, in Japan's time zone. */
  month: z.string(),
  pricePerSeatYen: z.number().int(),
  seats: z.array(SeatRow),
  totalYen: z.number().int().min(0),
});
export type SubscriptionMonth = z.infer<typeof SubscriptionMonth>;
