/** How an agent finds and names the agents' gateway (SPEC EN3, UP1). */

/** DNS name in the gateway's certificate, whatever address it is reached at: the CA is the console's own. */
export const GATEWAY_SERVER_NAME = 'yagura-gateway';

/** `POST` without a client certificate. */
export const ENROL_PATH = '/enrol';

/** WebSocket upgrade with a client certificate. */
export const UPLINK_PATH = '/uplink';

/** `GET` of `PACK_PATH + sha256` with a client certificate: a rule pack of the endpoint's tenant (SPEC RP2). */
export const PACK_PATH = '/packs/';

/** Durations and counts of the session that both sides rely on (SPEC LI5), in milliseconds where they are times. */
export const SESSION = {
  /** From the TLS handshake to `hello`, and from `hello` to `welcome` or `refused`. */
  helloTimeout: 10_000,
  /** Either side pings after this much silence. */
  pingInterval: 20_000,
  /** A peer from which nothing came for this long is dead. */
  deadPeerTimeout: 45_000,
  /** Batches of one session without ack or nack. */
  unacknowledgedBatches: 4,
  /** Longest validity of an order, from issue to expiry. */
  orderLifetime: 30 * 24 * 3_600_000,
  /** How far an order's issue may lie ahead of the judged time. */
  orderClockTolerance: 24 * 3_600_000,
} as const;
