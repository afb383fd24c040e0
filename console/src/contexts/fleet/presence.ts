import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Store } from '../../store/store.ts';
import type { Origin, SessionFacts } from './api.ts';

/**
 * Which endpoints have a live session. Memory is the truth; the table follows within `FLUSH_MS`, many
 * endpoints in one transaction, so that ten thousand that reconnect at once cost a few commits. Bounded by
 * the number of enrolled endpoints, since only certificates open sessions.
 */
export interface Presence {
  opened(origin: Origin, facts: SessionFacts): void;
  closed(origin: Origin): void;
  /** Writes what waits. Resolves when nothing waits any more or the database refused. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

export interface PresenceOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Log;
}

const FLUSH_MS = 100;
const RETRY_MS = 2_000;
/** Endpoints written in one transaction: ingest waits no longer than this takes. */
const MAX_PER_TRANSACTION = 500;

interface Change {
  readonly origin: Origin;
  readonly at: number;
  readonly connectedSince: number | null;
  readonly facts?: SessionFacts;
}

export function createPresence({ store, clock, bus, log }: PresenceOptions): Presence {
  const sessions = new Map<string, number>();
  const waiting = new Map<string, Change>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const keyOf = ({ tenantId, endpointId }: Origin) => `${tenantId}/${endpointId}`;

  function schedule(delay: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      void flush();
    }, delay).unref();
  }

  async function write(changes: readonly Change[]): Promise<void> {
    await store.write(async (tx) => {
      for (const { origin, at, connectedSince, facts } of changes) {
        await tx.db
          .updateTable('endpoints')
          .set({
            connected_since: connectedSince,
            last_seen_at: at,
            ...(facts ? { hostname: facts.hostname, platform: facts.platform, agent_version: facts.agentVersion } : {}),
          })
          .where('tenant_id', '=', origin.tenantId)
          .where('endpoint_id', '=', origin.endpointId)
          .execute();
        tx.afterCommit(() =>
          bus.publish({ type: 'changed', tenantId: origin.tenantId, topic: 'endpoints', id: origin.endpointId }),
        );
      }
    });
  }

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_PER_TRANSACTION);
      for (const [key] of batch) waiting.delete(key);
      try {
        await write(batch.map(([, change]) => change));
      } catch (error) {
        // Newer changes of the same endpoint win over those that are put back.
        for (const [key, change] of batch) if (!waiting.has(key)) waiting.set(key, change);
        log.warn({ err: error, endpoints: waiting.size }, 'presence is not written yet');
        schedule(RETRY_MS);
        return;
      }
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(drain);
    return writing;
  }

  return {
    opened(origin, facts) {
      const key = keyOf(origin);
      const at = clock.now();
      sessions.set(key, (sessions.get(key) ?? 0) + 1);
      waiting.set(key, { origin, at, connectedSince: at, facts });
      schedule(FLUSH_MS);
    },
    closed(origin) {
      const key = keyOf(origin);
      const left = (sessions.get(key) ?? 1) - 1;
      if (left > 0) {
        sessions.set(key, left);
        return;
      }
      sessions.delete(key);
      const facts = waiting.get(key)?.facts;
      waiting.set(key, { origin, at: clock.now(), connectedSince: null, ...(facts ? { facts } : {}) });
      schedule(FLUSH_MS);
    },
    flush,
    async stop() {
      if (timer) clearTimeout(timer);
      timer = undefined;
      await flush();
      if (timer) clearTimeout(timer);
    },
  };
}
