import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type EnrolmentToken,
  EnrolResponse,
  ErrorBody,
  LIMITS,
  type Platform,
  parseEnrolmentToken,
} from '@yagura/protocol';
import { z } from 'zod';
import type { Clock } from '../platform/clock.ts';
import { readFileIfPresent, replaceFileDurably, systemCode } from '../platform/durable-file.ts';
import type { ConnectionRoute } from '../uplink/connect/gateway-connection.ts';
import { type ProxyEnvironment, proxyFor } from '../uplink/connect/proxy.ts';
import { ProxyRefusedError } from '../uplink/connect/tunnel.ts';
import { createKeyAndRequest, type KeyAndRequest } from './certificate-request.ts';
import { ENROLMENT_SENTENCES, type EnrolmentFailure, isEnrolmentRefusal } from './enrolment-failures.ts';
import { certificateFingerprint, findFault, type Identity, loadIdentity, saveIdentity } from './identity.ts';
import { fetchPinnedAuthority } from './pinned-authority.ts';
import { type HttpAnswer, postEnrolment } from './post-enrolment.ts';

export interface EnrolmentOptions {
  /** As a person pasted it. */
  readonly token: string;
  readonly stateDir: string;
  readonly hostname: string;
  readonly platform: Platform;
  readonly agentVersion: string;
  readonly clock: Clock;
  /** Replaces the gateway's address in the token, never whom to trust. */
  readonly console?: string;
  /** Gives up an identity that is there already. */
  readonly replace?: boolean;
  readonly environment?: ProxyEnvironment;
  /** Milliseconds for each of the two connections. */
  readonly timeout?: number;
}

export type EnrolmentResult = { ok: true; identity: Identity } | { ok: false; code: EnrolmentFailure; message: string };

const PENDING = 'enrolment.json';

/** A key that was sent and not answered: kept, so that the same request can be repeated (SPEC EN6). */
const Pending = z.strictObject({
  secretHash: z.string().max(64),
  privateKey: z.string().max(4_096),
  csr: z.string().max(LIMITS.csr),
});

/**
 * Makes this machine an endpoint of the console that the token names (SPEC EN1 to EN8). Stores nothing
 * but the unanswered request unless it succeeds; may be called again after any failure.
 */
export async function enrol(options: EnrolmentOptions): Promise<EnrolmentResult> {
  const token = parseEnrolmentToken(options.token);
  if (token === undefined) return failed('token_malformed');
  const address = options.console ?? token.gateway;
  if (!URL.canParse(address) || new URL(address).protocol !== 'https:') return failed('console_url_invalid');
  const present = loadIdentity(options.stateDir);
  if (options.replace !== true && (present.ok || present.code !== 'not_enrolled')) return failed('already_enrolled');

  let pending: KeyAndRequest;
  try {
    mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
    chmodSync(options.stateDir, 0o700);
    // Written before the token is used: a disk that takes nothing must not cost a token.
    pending = await pendingRequest(options.stateDir, token);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return failed('state_unwritable', `${options.stateDir}: ${code}`);
  }

  const gateway = new URL(address);
  const route = { gateway, proxy: proxyFor(gateway, options.environment ?? process.env) };
  const exchanged = await exchange(route, token, pending, options);
  if (!exchanged.ok) return exchanged;
  const { ca, answer } = exchanged;
  const judged = judgeAnswer(answer, token, ca);
  if (!judged.ok) return judged;
  const { endpointId, tenantId, certificate, orderKey } = judged.response;
  const identity: Identity = {
    v: 1,
    gateway: gateway.origin,
    endpointId,
    tenantId,
    privateKey: pending.privateKey,
    certificate,
    ca,
    orderKey,
    enrolledAt: options.clock.now(),
  };
  const fault = findFault(identity);
  if (fault !== undefined) return failed(fault.code, fault.message);
  try {
    saveIdentity(options.stateDir, identity);
    rmSync(join(options.stateDir, PENDING), { force: true });
  } catch (error) {
    return failed('state_unwritable', `${options.stateDir}: ${systemCode(error) ?? 'unknown'}`);
  }
  return { ok: true, identity: Object.freeze(identity) };
}

async function pendingRequest(stateDir: string, token: EnrolmentToken): Promise<KeyAndRequest> {
  const path = join(stateDir, PENDING);
  const secretHash = createHash('sha256').update(token.secret).digest('hex');
  const kept = Pending.safeParse(parseJson(readFileIfPresent(path) ?? ''));
  if (kept.success && kept.data.secretHash === secretHash) return kept.data;
  const made = await createKeyAndRequest();
  replaceFileDurably(path, JSON.stringify({ secretHash, ...made }));
  return made;
}

type Exchanged = { ok: true; ca: string; answer: HttpAnswer } | Extract<EnrolmentResult, { ok: false }>;

async function exchange(
  route: ConnectionRoute,
  token: EnrolmentToken,
  pending: KeyAndRequest,
  options: EnrolmentOptions,
): Promise<Exchanged> {
  const timeout = options.timeout ?? 30_000;
  try {
    const ca = await fetchPinnedAuthority(route, token.ca, AbortSignal.timeout(timeout));
    if (ca === undefined) return failed('gateway_untrusted', route.gateway.host);
    const { hostname, platform, agentVersion } = options;
    const request = {
      secret: token.secret,
      csr: pending.csr,
      hostname: hostname.slice(0, LIMITS.shortText),
      platform,
      agentVersion,
    };
    return { ok: true, ca, answer: await postEnrolment(route, ca, request, AbortSignal.timeout(timeout)) };
  } catch (error) {
    if (error instanceof ProxyRefusedError) return failed('proxy_failed', error.message);
    const code = systemCode(error) ?? (error instanceof Error ? error.name : 'unknown');
    if (code === 'answer_too_large') return failed('response_malformed', code);
    return failed(classify(code), `${route.gateway.host}: ${code}`);
  }
}

/** Sorts the codes of OpenSSL, Node and the system. */
function classify(code: string): EnrolmentFailure {
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') return 'clock_wrong';
  const trust =
    /^(ERR_TLS_CERT|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_MISMATCH)/;
  return trust.test(code) ? 'gateway_untrusted' : 'gateway_unreachable';
}

type Judged = { ok: true; response: EnrolResponse } | Extract<EnrolmentResult, { ok: false }>;

function judgeAnswer({ status, body }: HttpAnswer, token: EnrolmentToken, ca: string): Judged {
  const json = parseJson(body);
  if (status !== 200) {
    const refusal = ErrorBody.safeParse(json);
    const code = refusal.success ? refusal.data.error.code : '';
    if (isEnrolmentRefusal(code)) return failed(code);
    return failed('console_error', `HTTP ${status}`);
  }
  const response = EnrolResponse.safeParse(json);
  if (!response.success) return failed('response_malformed');
  const orderKey = Buffer.from(response.data.orderKey, 'base64');
  if (createHash('sha256').update(orderKey).digest('hex') !== token.orderKey) return failed('order_key_mismatch');
  try {
    if (certificateFingerprint(response.data.ca) !== certificateFingerprint(ca)) return failed('gateway_untrusted');
  } catch {
    return failed('response_malformed');
  }
  return { ok: true, response: response.data };
}

function failed(code: EnrolmentFailure, detail?: string): Extract<EnrolmentResult, { ok: false }> {
  const sentence = ENROLMENT_SENTENCES[code].en;
  return { ok: false, code, message: detail === undefined ? sentence : `${sentence} (${detail})` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
