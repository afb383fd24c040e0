import type { Fleet } from '../contexts/fleet/api.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createKeyedTokenBuckets } from '../platform/token-bucket.ts';
import type { SignerClient } from '../signer/client.ts';
import type { Store } from '../store/store.ts';
import type { GatewayLimits } from './limits.ts';
import type { SessionServices } from './session-services.ts';

/**
 * Renews certificates for the identity of a session, whatever the request says (SPEC EN9). The certificate is
 * on record before it is handed out, so that it is good at once.
 */
export function createRenewal(options: {
  readonly signer: SignerClient;
  readonly store: Store;
  readonly fleet: Pick<Fleet, 'recordCertificate'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Pick<GatewayLimits, 'renewals' | 'connections'>;
  /** The CA's certificate, PEM. */
  readonly authority: string;
}): SessionServices['renew'] {
  const { signer, store, fleet, clock, log, limits, authority } = options;
  const buckets = createKeyedTokenBuckets(clock, { ...limits.renewals, maxKeys: limits.connections });
  return async (origin, csr) => {
    if (!buckets.take(`${origin.tenantId}/${origin.endpointId}`)) return undefined;
    const issued = await signer.call('issue-endpoint-certificate', { csr, ...origin });
    if (!issued.ok) {
      log.warn({ ...origin, code: issued.code }, 'a certificate could not be renewed');
      return undefined;
    }
    await store.write((tx) => fleet.recordCertificate(tx, origin, issued.value));
    log.info({ ...origin, serial: issued.value.serial }, 'certificate renewed');
    return { certificate: issued.value.certificate, ca: authority };
  };
}
