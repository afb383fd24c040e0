import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { GATEWAY_SERVER_NAME, PACK_PATH, type RulePackReference } from '@yagura/protocol';
import type { Identity } from '../identity/identity.ts';
import { GatewayAgent } from '../uplink/connect/gateway-connection.ts';
import { type ProxyEnvironment, proxyFor } from '../uplink/connect/proxy.ts';

/** Times in milliseconds. */
export const FETCH_BOUNDS = {
  /** Without a byte. */
  silence: 30_000,
  /** From the first byte of the request to the last of the answer. */
  whole: 600_000,
} as const;

export type FetchedPack =
  | { readonly ok: true; readonly content: AsyncIterable<Uint8Array> }
  | { readonly ok: false; readonly code: 'pack_unavailable' | 'pack_damaged'; readonly detail: string };

export interface FetchOptions {
  readonly identity: Identity;
  readonly environment: ProxyEnvironment;
  readonly signal: AbortSignal;
}

/**
 * Asks the gateway for a pack (SPEC RP2), over the same trust as the uplink: the pinned CA, the endpoint's own
 * certificate, the environment's proxy. The content still has to be checked; reading it throws when the
 * connection breaks.
 */
export async function fetchPack(
  { sha256, size }: RulePackReference,
  { identity, environment, signal }: FetchOptions,
): Promise<FetchedPack> {
  const gateway = new URL(identity.gateway);
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(FETCH_BOUNDS.whole)]);
  const { ca, certificate, privateKey } = identity;
  const agent = new GatewayAgent(
    { gateway, proxy: proxyFor(gateway, environment) },
    { ca, certificate, privateKey },
    bounded,
  );
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const call = request(new URL(PACK_PATH + sha256, gateway), {
        agent,
        signal: bounded,
        headers: { host: GATEWAY_SERVER_NAME, accept: 'application/octet-stream' },
      });
      call.setTimeout(FETCH_BOUNDS.silence, () => call.destroy(new Error('the gateway is silent')));
      call.once('response', resolve).once('error', reject).end();
    });
    const length = Number(response.headers['content-length']);
    if (response.statusCode === 200 && length === size) return { ok: true, content: response };
    response.destroy();
    return response.statusCode === 200
      ? { ok: false, code: 'pack_damaged', detail: `the gateway offers ${length} bytes` }
      : { ok: false, code: 'pack_unavailable', detail: `the gateway answered ${response.statusCode ?? 0}` };
  } catch (error) {
    return { ok: false, code: 'pack_unavailable', detail: messageOf(error) };
  }
}

export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 200);
}
