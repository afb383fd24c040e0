import type { Hello, SignedOrder } from '@yagura/protocol';

export const UPLINK_STATES = [
  'stopped',
  'connecting',
  'connected',
  'waiting',
  'revoked',
  'version_unsupported',
  'duplicate_session',
] as const;
export type UplinkState = (typeof UPLINK_STATES)[number];

export interface UplinkStatus {
  readonly state: UplinkState;
  /** Stable code of the last failure, while there is no session. */
  readonly code?: string;
  /** One sentence for a person, with both sides' versions, the proxy's answer and the like. */
  readonly detail?: string;
  /** Wall clock at which the state began. */
  readonly since: number;
  /** Console time minus this machine's, in milliseconds. */
  readonly clockOffset?: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly setAside: number;
}

/** What the agent says of itself in `hello`; epoch, sequence and time are added. */
export type HelloFacts = Pick<Hello, 'agentVersion' | 'platform' | 'hostname'>;

/** The agent's answer to an order; `orderId` is `unverified` when the signature does not hold (SPEC CM7). */
export interface OrderReceipt {
  readonly orderId: string;
  readonly accepted: boolean;
  readonly code: string;
}

/**
 * Takes an order as it came. `consoleNow` is the console's time (SPEC CM9). Resolves once the order is
 * journalled or refused, not when it has been carried out; must not reject.
 */
export type OrderHandler = (signed: SignedOrder, consoleNow: number) => Promise<OrderReceipt>;

/** Keeps one session with the console for as long as the agent runs. */
export interface Uplink {
  /** Resolves after the signal, when the session is closed. Call once. */
  run(signal: AbortSignal): Promise<void>;
  status(): UplinkStatus;
}
