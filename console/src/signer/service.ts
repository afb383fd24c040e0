import { GATEWAY_SERVER_NAME } from '@yagura/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import { createTokenBucket, type TokenBucket } from '../platform/token-bucket.ts';
import { type Approvers, createApprovers } from './approvers.ts';
import { type Authority, openAuthority } from './authority.ts';
import {
  type AdminRequest,
  type Answer,
  accepted,
  type ConsoleRequest,
  type IssuedCertificate,
  refused,
  type SignerInfo,
  type SignerRefusal,
} from './messages.ts';
import { type OrderKey, openOrderKey } from './order-key.ts';
import { SIGNER_LIMITS } from './policy.ts';
import { signOrder } from './sign-order.ts';
import { approveStandingOrder, signStandingOrder } from './standing-orders.ts';
import { openSignerState, type SignerEnvironment } from './state.ts';

export interface SignerOptions {
  readonly stateDirectory: string;
  /**
   * Names and addresses that the gateway's certificate has beside `yagura-gateway`, which is what agents
   * check; the console cannot choose them.
   */
  readonly gatewayNames: readonly string[];
  readonly endpointCertificates: { readonly perMinute: number; readonly burst: number };
  readonly clock: Clock;
  readonly random: Random;
}

type SignerAnswer = Answer<unknown, SignerRefusal>;

/** Everything that the signer does, without its sockets. */
export interface Signer extends Disposable {
  handleConsole(request: ConsoleRequest): Promise<SignerAnswer>;
  handleAdmin(request: AdminRequest): Promise<SignerAnswer>;
}

/** Opens the state, making the CA and the order key at the first start. Throws `StateError`. */
export async function openSigner(options: SignerOptions): Promise<Signer> {
  const state = openSignerState(options.stateDirectory);
  try {
    const environment: SignerEnvironment = { state, clock: options.clock, random: options.random };
    return new OpenSigner(options, environment, await openAuthority(environment), openOrderKey(state));
  } catch (error) {
    state[Symbol.dispose]();
    throw error;
  }
}

class OpenSigner implements Signer {
  readonly #options: SignerOptions;
  readonly #environment: SignerEnvironment;
  readonly #authority: Authority;
  readonly #orderKey: OrderKey;
  readonly #approvers: Approvers;
  readonly #gatewayBucket: TokenBucket;
  readonly #endpointBucket: TokenBucket;

  constructor(options: SignerOptions, environment: SignerEnvironment, authority: Authority, orderKey: OrderKey) {
    this.#options = options;
    this.#environment = environment;
    this.#authority = authority;
    this.#orderKey = orderKey;
    this.#approvers = createApprovers(environment);
    const perDay = SIGNER_LIMITS.gatewayCertificatesPerDay;
    this.#gatewayBucket = createTokenBucket(options.clock, { perMinute: perDay / 1_440, burst: perDay });
    this.#endpointBucket = createTokenBucket(options.clock, options.endpointCertificates);
  }

  async handleConsole(request: ConsoleRequest): Promise<SignerAnswer> {
    switch (request.verb) {
      case 'info':
        return accepted(this.#info());
      case 'issue-gateway-certificate':
        if (!this.#gatewayBucket.take()) return refused('rate_limited', 'too many gateway certificates today');
        return await this.#authority.issueForGateway(request.csr, [GATEWAY_SERVER_NAME, ...this.#options.gatewayNames]);
      case 'issue-endpoint-certificate':
        return await this.#issueForEndpoint(request.csr, request.tenantId, request.endpointId);
      case 'register-approver':
        return this.#approvers.register(request);
      case 'approver-keys':
        return accepted({ approverKeyIds: this.#approvers.activeKeyIds(request.tenantId, request.userId) });
      case 'sign-order':
        return signOrder(this.#environment, this.#approvers, this.#orderKey, request.approval);
      case 'approve-standing-order':
        return approveStandingOrder(this.#environment, this.#approvers, request.approval);
      case 'sign-standing-order':
        return signStandingOrder(this.#environment, this.#orderKey, request);
    }
  }

  async handleAdmin(request: AdminRequest): Promise<SignerAnswer> {
    switch (request.verb) {
      case 'info':
        return accepted(this.#info());
      case 'create-approver-code':
        return accepted(this.#approvers.createCode(request.tenantId, request.userId, request.role));
      case 'revoke-approver':
        return this.#approvers.revoke(request.approverKeyId);
      case 'list-approvers':
        return accepted({ approvers: this.#approvers.list(request.tenantId) });
    }
  }

  [Symbol.dispose](): void {
    this.#environment.state[Symbol.dispose]();
  }

  #info(): SignerInfo {
    return { ca: this.#authority.certificate, orderKey: this.#orderKey.publicKey };
  }

  /** An endpoint stays with the tenant of its first certificate, whatever the console says later. */
  async #issueForEndpoint(
    csr: string,
    tenantId: string,
    endpointId: string,
  ): Promise<Answer<IssuedCertificate, SignerRefusal>> {
    if (!this.#endpointBucket.take()) return refused('rate_limited', 'too many certificates at once: try again later');
    const { state, clock } = this.#environment;
    const known = state.db.prepare('SELECT tenant_id FROM endpoints WHERE endpoint_id = ?').get(endpointId);
    if (known !== undefined && known['tenant_id'] !== tenantId) {
      return refused('endpoint_foreign', 'this endpoint belongs to another tenant');
    }
    const issued = await this.#authority.issueForEndpoint(csr, tenantId, endpointId);
    if (issued.ok) {
      state.db
        .prepare('INSERT OR IGNORE INTO endpoints (endpoint_id, tenant_id, first_certified_at) VALUES (?, ?, ?)')
        .run(endpointId, tenantId, clock.now());
    }
    return issued;
  }
}
