import { createHash } from 'node:crypto';
import { type EnrolmentRefusal, EnrolRequest, type EnrolResponse, type ErrorBody } from '@yagura/protocol';
import type { Fleet } from '../contexts/fleet/api.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { addressKey } from '../platform/rate-limit.ts';
import { createKeyedTokenBuckets, type KeyedTokenBuckets } from '../platform/token-bucket.ts';
import type { SignerClient, SignerFailure } from '../signer/client.ts';
import { StoreError } from '../store/errors.ts';
import type { Store } from '../store/store.ts';
import type { GatewayLimits } from './limits.ts';

export interface EnrolmentOptions {
  readonly store: Store;
  readonly fleet: Pick<Fleet, 'checkToken' | 'consumeToken' | 'newEndpointId' | 'recordCertificate'>;
  readonly signer: SignerClient;
  /** The CA's certificate, PEM. */
  readonly authority: string;
  readonly orderKey: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Pick<GatewayLimits, 'enrolPerAddress'>;
}

export type EnrolCode = EnrolmentRefusal | 'request_malformed' | 'request_too_large' | 'store_unavailable' | 'internal';

/** Statuses of SPEC EN4. */
export const ENROL_STATUS: Record<EnrolCode, number> = {
  token_unknown: 404,
  token_used: 409,
  token_expired: 410,
  csr_invalid: 400,
  rate_limited: 429,
  signer_unavailable: 503,
  request_malformed: 400,
  request_too_large: 413,
  store_unavailable: 503,
  internal: 500,
};

export interface EnrolAnswer {
  readonly status: number;
  readonly body: EnrolResponse | ErrorBody;
}

type Outcome =
  | { readonly ok: true; readonly response: EnrolResponse }
  | { readonly ok: false; readonly code: EnrolCode };

/** For how long the same request gets the same answer, and how many such answers are kept. */
const REPEATABLE_MS = 600_000;
const MAX_REPEATABLE = 2_000;

/** `POST /enrol`: a token and a key become an endpoint with a certificate. */
export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #addresses: KeyedTokenBuckets;
  readonly #answers = new Map<string, { readonly at: number; readonly outcome: Promise<Outcome> }>();

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    this.#addresses = createKeyedTokenBuckets(options.clock, options.limits.enrolPerAddress);
  }

  /** Ask before the body is read. A whole /64 of IPv6 counts as one address. */
  admits(address: string): boolean {
    return this.#addresses.take(addressKey(address));
  }

  async answer(body: unknown): Promise<EnrolAnswer> {
    const request = EnrolRequest.safeParse(body);
    if (!request.success) return enrolRefusal('request_malformed');
    const outcome = await this.#onceFor(request.data);
    return outcome.ok ? { status: 200, body: outcome.response } : enrolRefusal(outcome.code);
  }

  /**
   * The same secret with the byte-identical request gets the same answer for ten minutes, so that an answer
   * that is lost on the way does not burn the token (SPEC EN6). Only successes are kept.
   */
  #onceFor(request: EnrolRequest): Promise<Outcome> {
    const now = this.#options.clock.now();
    const key = createHash('sha256').update(`${request.secret}\n${request.csr}`).digest('base64url');
    const known = this.#answers.get(key);
    if (known !== undefined && now - known.at < REPEATABLE_MS) return known.outcome;
    const outcome = this.#enrol(request).catch((error: unknown): Outcome => {
      this.#options.log.error({ err: error }, 'enrolment failed');
      return { ok: false, code: error instanceof StoreError ? 'store_unavailable' : 'internal' };
    });
    this.#answers.set(key, { at: now, outcome });
    for (const [oldest, { at }] of this.#answers) {
      if (this.#answers.size <= MAX_REPEATABLE && now - at < REPEATABLE_MS) break;
      this.#answers.delete(oldest);
    }
    void this.#forgetFailure(key, outcome);
    return outcome;
  }

  async #forgetFailure(key: string, outcome: Promise<Outcome>): Promise<void> {
    if (!(await outcome).ok) this.#answers.delete(key);
  }

  async #enrol(request: EnrolRequest): Promise<Outcome> {
    const { fleet, signer, store, clock, log } = this.#options;
    const token = await fleet.checkToken(request.secret);
    if (!token.ok) return token;
    const endpointId = fleet.newEndpointId();
    const issued = await signer.call('issue-endpoint-certificate', {
      csr: request.csr,
      tenantId: token.tenantId,
      endpointId,
    });
    if (!issued.ok) {
      log.warn({ code: issued.code }, 'the signer issued no certificate; the token stays open');
      return { ok: false, code: codeOfSigner(issued.code) };
    }
    const { secret: _, csr: __, ...facts } = request;
    const consumed = await store.write(async (tx) => {
      const result = await fleet.consumeToken(tx, request.secret, { endpointId, ...facts });
      if (result.ok) await fleet.recordCertificate(tx, result.origin, issued.value);
      return result;
    });
    if (!consumed.ok) return consumed;
    log.info({ ...consumed.origin, at: clock.now() }, 'endpoint enrolled');
    return {
      ok: true,
      response: {
        ...consumed.origin,
        certificate: issued.value.certificate,
        ca: this.#options.authority,
        orderKey: this.#options.orderKey,
      },
    };
  }
}

export function enrolRefusal(code: EnrolCode): EnrolAnswer {
  return { status: ENROL_STATUS[code], body: { error: { code, message: MESSAGES[code] } } };
}

function codeOfSigner(code: SignerFailure): EnrolCode {
  if (code === 'csr_invalid' || code === 'rate_limited') return code;
  return 'signer_unavailable';
}

const MESSAGES: Record<EnrolCode, string> = {
  token_unknown: 'This enrolment token is not known here.',
  token_used: 'This enrolment token has been used. Make a new one in the console.',
  token_expired: 'This enrolment token has expired. Make a new one in the console.',
  csr_invalid: 'The certificate request is not a PKCS#10 with a P-256 key signed by itself.',
  rate_limited: 'Too many enrolments at once. Try again in a minute.',
  signer_unavailable: "The console's signer does not answer. The token stays good: try again.",
  request_malformed: 'The request does not have the form that the protocol describes.',
  request_too_large: 'The request is too large.',
  store_unavailable: "The console's database does not answer. The token stays good: try again.",
  internal: 'Something went wrong in the console. It has been logged.',
};
