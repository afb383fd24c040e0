import type { EnrolmentRefusal, Health, Inventory, Platform, PolicyMode } from '@yagura/protocol';
import type {
  CreatedEnrolmentToken,
  CreateEnrolmentToken,
  EndpointDetail,
  EndpointPage,
  EndpointQuery,
  EnrolmentTokenList,
} from '../../api/fleet.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Tx } from '../../store/store.ts';
import type { Actor } from '../identity/api.ts';

/** Whom a session or a batch belongs to: read from the client certificate, never from a message. */
export interface Origin {
  readonly tenantId: string;
  readonly endpointId: string;
}

export type TokenRefusal = Extract<EnrolmentRefusal, `token_${string}`>;

/** What a machine says about itself when it enrols; hostile text. */
export interface EnrolmentFacts {
  /** Made by `newEndpointId`; the certificate names it. */
  readonly endpointId: string;
  readonly hostname: string;
  readonly platform: Platform;
  readonly agentVersion: string;
}

export interface SessionFacts {
  readonly hostname: string;
  readonly platform: Platform;
  readonly agentVersion: string;
}

/** The machines under watch. */
export interface Fleet {
  // --- enrolment, for the gateway ---
  /**
   * Whether a token's secret is good now and whose it is, without using it up: ask before the signer is
   * asked for a certificate, so that a signer that is away costs nobody a token.
   */
  checkToken(
    secret: string,
  ): Promise<{ readonly ok: true; readonly tenantId: string } | { readonly ok: false; readonly code: TokenRefusal }>;
  newEndpointId(): string;
  /** Uses the token up, enters the endpoint and starts its seat. Of two that race, one is `token_used`. */
  consumeToken(
    tx: Tx,
    secret: string,
    facts: EnrolmentFacts,
  ): Promise<{ readonly ok: true; readonly origin: Origin } | { readonly ok: false; readonly code: TokenRefusal }>;
  /** Enters a certificate that the signer issued, at enrolment or renewal. Times are console time. */
  recordCertificate(tx: Tx, origin: Origin, certificate: { serial: string; notAfter: number }): Promise<void>;
  /** `unknown` also when serial, tenant and endpoint do not belong together. */
  certificateStanding(origin: Origin, serial: string): Promise<'valid' | 'revoked' | 'unknown'>;

  // --- presence, for the gateway; both return at once and are written soon after, many at a time ---
  sessionOpened(origin: Origin, facts: SessionFacts): void;
  sessionClosed(origin: Origin): void;

  // --- what endpoints report, inside the ingesting transaction ---
  applyHealth(tx: Tx, origin: Origin, health: Health, receivedAt: number): Promise<void>;
  applyInventory(tx: Tx, origin: Origin, inventory: Inventory, receivedAt: number): Promise<void>;
  /** An order that sets the policy was carried out. */
  applyPolicy(tx: Tx, origin: Origin, mode: PolicyMode): Promise<void>;
  /** A sign of life; call once for each batch. */
  touch(tx: Tx, origin: Origin, receivedAt: number): Promise<void>;

  // --- for people ---
  page(tenantId: string, query: EndpointQuery): Promise<Result<EndpointPage>>;
  detail(tenantId: string, endpointId: string): Promise<EndpointDetail | undefined>;
  rename(actor: Actor, endpointId: string, displayName: string): Promise<EndpointDetail | undefined>;
  revoke(actor: Actor, endpointId: string): Promise<EndpointDetail | undefined>;
  /** The same inside a transaction; false when there is no such endpoint. Safe to repeat. */
  revokeIn(tx: Tx, actor: Pick<Actor, 'tenantId' | 'name'>, endpointId: string): Promise<boolean>;
  tokens(tenantId: string): Promise<EnrolmentTokenList>;
  createToken(
    actor: Pick<Actor, 'tenantId' | 'name'>,
    request: CreateEnrolmentToken,
  ): Promise<Result<CreatedEnrolmentToken>>;
  withdrawToken(actor: Actor, tokenId: string): Promise<Result<void>>;

  /** Forgets the sessions of a console that ended; called once, before the gateway listens. */
  resetPresence(): Promise<void>;
  /** Writes what is still in memory and stops. */
  close(): Promise<void>;
}
