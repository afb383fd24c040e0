import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { PACK_PATH } from '@yagura/protocol';
import type { Fleet } from '../contexts/fleet/api.ts';
import type { RulePacks } from '../contexts/rule-packs/api.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createKeyedTokenBuckets } from '../platform/token-bucket.ts';
import type { GatewayLimits } from './limits.ts';
import { identifyPeer } from './peer-identity.ts';

export interface PackServiceOptions {
  readonly fleet: Pick<Fleet, 'certificateStanding'>;
  readonly rulePacks: Pick<RulePacks, 'open'>;
  readonly clock: Clock;
  readonly limits: GatewayLimits;
  readonly log: Log;
  /** The console's CA, which may change while the gateway runs. */
  readonly authority: () => X509Certificate;
}

/** Answers `GET /packs/SHA256` (SPEC RP2): only to certificates that could open a session, only their tenant's packs. */
export interface PackService {
  /** Whether the request is for this service. */
  matches(request: IncomingMessage): boolean;
  /** Never throws; ends the response whatever happens. */
  serve(request: IncomingMessage, response: ServerResponse): void;
}

type PackRefusal =
  | 'not_found'
  | 'certificate_missing'
  | 'certificate_untrusted'
  | 'certificate_expired'
  | 'certificate_revoked'
  | 'rate_limited'
  | 'console_busy'
  | 'internal';

const STATUS: Record<PackRefusal, number> = {
  not_found: 404,
  certificate_missing: 401,
  certificate_untrusted: 401,
  certificate_expired: 401,
  certificate_revoked: 401,
  rate_limited: 429,
  console_busy: 503,
  internal: 500,
};

export function createPackService(options: PackServiceOptions): PackService {
  const { fleet, rulePacks, clock, limits, log } = options;
  const buckets = createKeyedTokenBuckets(clock, limits.packsPerEndpoint);
  let downloads = 0;

  /** Resolves to why there is nothing to send; the whole file has been sent otherwise. */
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<PackRefusal | undefined> {
    const identified = identifyPeer(request.socket as TLSSocket, options.authority());
    if (!identified.ok) return identified.code;
    const { origin, serial, notAfter } = identified.peer;
    if (notAfter <= clock.now()) return 'certificate_expired';
    if (!buckets.take(`${origin.tenantId}/${origin.endpointId}`)) return 'rate_limited';
    if ((await fleet.certificateStanding(origin, serial)) !== 'valid') return 'certificate_revoked';
    const sha256 = /^[0-9a-f]{64}$/.exec((request.url ?? '').slice(PACK_PATH.length))?.[0];
    const pack = sha256 === undefined ? undefined : await rulePacks.open(origin.tenantId, sha256);
    if (pack === undefined) return 'not_found';
    if (downloads >= limits.packDownloads) return 'console_busy';
    downloads += 1;
    try {
      // A reader that stands still frees its place.
      request.socket.setTimeout(limits.packSilenceMs, () => request.socket.destroy());
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-length': pack.size,
        'cache-control': 'no-store',
        connection: 'close',
      });
      await pipeline(pack.read(), response);
      log.info({ ...origin, sha256 }, 'rule pack sent');
      return undefined;
    } finally {
      downloads -= 1;
    }
  }

  return {
    matches: ({ url }) => url?.startsWith(PACK_PATH) === true,
    serve(request, response) {
      request.on('error', () => response.destroy());
      response.on('error', () => response.destroy());
      request.resume();
      if (request.method !== 'GET') return refuse(response, 'not_found');
      answer(request, response).then(
        (refusal) => refusal === undefined || refuse(response, refusal),
        (error: unknown) => {
          // Half a file is out, and its length says that it is not whole.
          if (response.headersSent) return void response.destroy();
          log.error({ err: error }, 'a rule pack could not be sent');
          refuse(response, 'internal');
        },
      );
    },
  };
}

function refuse(response: ServerResponse, code: PackRefusal): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify({ error: { code, message: 'The rule pack is not to be had.' } });
  response.writeHead(STATUS[code], {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(text);
}
