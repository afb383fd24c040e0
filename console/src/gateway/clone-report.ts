import type { Audit } from '../contexts/audit/api.ts';
import type { Origin } from '../contexts/fleet/api.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createKeyedTokenBuckets } from '../platform/token-bucket.ts';
import type { Store } from '../store/store.ts';
import type { SessionsOptions } from './sessions.ts';

/** Entries about one endpoint: a copy that comes back every minute must not fill the audit log. */
const REPORTS = { perMinute: 1 / 60, burst: 2, maxKeys: 10_000 } as const;

/** Writes the suspicion that an identity was copied into the tenant's audit log, a few times an hour at most. */
export function createCloneReport(options: {
  readonly store: Store;
  readonly audit: Pick<Audit, 'record'>;
  readonly clock: Clock;
  readonly log: Log;
}): SessionsOptions['onClone'] {
  const { store, audit, clock, log } = options;
  const buckets = createKeyedTokenBuckets(clock, REPORTS);
  return (origin: Origin, code, detail) => {
    log.warn({ ...origin, code, detail }, 'an identity seems to exist twice');
    if (!buckets.take(`${origin.tenantId}/${origin.endpointId}/${code}`)) return;
    const record = {
      tenantId: origin.tenantId,
      actor: 'gateway',
      action: `endpoint.${code}`,
      target: origin.endpointId,
      detail,
    };
    void store
      .write((tx) => audit.record(tx, record))
      .catch((error: unknown) => {
        log.error({ err: error, ...origin }, 'a clone could not be recorded');
      });
  };
}
