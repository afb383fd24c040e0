/** What one address may enrol in a minute, at once or spread; for at most 10,000 addresses. */
export function enrolmentLimit(perMinute: number): { perMinute: number; burst: number; maxKeys: number } {
  return { perMinute, burst: perMinute, maxKeys: 10_000 };
}

/** Bounds of the agents' gateway beside those that the protocol names (`LIMITS`, `SESSION`). */
export const GATEWAY_LIMITS = {
  connections: 20_000,
  /** Bytes of one `POST /enrol` (SPEC EN4). */
  enrolBytes: 32_768,
  /** An office behind one address enrols all its PCs in one go. */
  enrolPerAddress: enrolmentLimit(300),
  /** Handshakes that ask for a session, by identity: a reconnecting agent needs one. */
  sessionsPerEndpoint: { perMinute: 10, burst: 20, maxKeys: 20_000 },
  /** Downloads of rule packs by one identity, and over all at the same time; a fleet takes turns. */
  packsPerEndpoint: { perMinute: 2, burst: 6, maxKeys: 20_000 },
  packDownloads: 64,
  /** A reader of a rule pack that takes nothing for this long is cut off. */
  packSilenceMs: 30_000,
  /** Text and control frames of one session (SPEC LI4). */
  textFrames: { perMinute: 1_200, burst: 100 },
  /**
   * Batches of one session, and their bytes decompressed: an agent that comes back with a full spool (256 MiB) is
   * served in half a minute, and a stolen identity cannot keep the console busy.
   */
  pace: { batchesPerSecond: 50, burstBatches: 500, bytesPerSecond: 8 * 1024 * 1024, burstBytes: 64 * 1024 * 1024 },
  /** A session that owes more than this is answered `rate_limited`; one that owes less is read later. */
  refusedDebtMs: 1_000,
  renewals: { perMinute: 0.1, burst: 5 },
  fragments: 64,
  /** Pieces in which the bytes of one frame may arrive before they are put together. */
  bufferedChunks: 4_096,
  /** Bytes of batches, decompressed, that wait for their commit over all sessions; beyond it nothing is read. */
  waitingBytes: 16 * 1024 * 1024,
  /** Bytes that a peer has not read yet. */
  unsentBytes: 4 * 1024 * 1024,
  /** A message that has begun must be complete after this long. */
  incompleteMessageMs: 30_000,
  /** How long the first of two sessions of one identity has to answer a ping (SPEC UP9). */
  challengeMs: 5_000,
  /** How long a session with an expired certificate may take to renew it (SPEC EN10). */
  renewalOnlyMs: 60_000,
  /** How long an expired certificate may still be renewed (SPEC EN10). */
  renewableAfterExpiryMs: 90 * 86_400_000,
  /** An order without `order-received` is sent again (SPEC CM6). */
  orderAnswerMs: 60_000,
  /** Live sessions are held against the record of revocations this often (SPEC EN11: within 60 s). */
  standingCheckMs: 30_000,
  closeMs: 2_000,
  sweepMs: 5_000,
} as const;

export type GatewayLimits = { readonly [Name in keyof typeof GATEWAY_LIMITS]: Widened<(typeof GATEWAY_LIMITS)[Name]> };
type Widened<T> = T extends number ? number : { readonly [Name in keyof T]: number };
