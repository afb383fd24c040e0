import { join } from 'node:path';
import { loadIdentity } from '../identity/identity.ts';
import { fetchPack } from '../packs/fetch-pack.ts';
import { openRulePacks, type RulePacks } from '../packs/rule-packs.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { thisPlatform } from '../platform/this-platform.ts';

export interface ServicePackOptions {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends downloads. */
  readonly signal: AbortSignal;
}

/** The rule packs of the running service: fetched with the identity that the machine has at that moment. */
export function openServicePacks({ stateDir, clock, log, signal }: ServicePackOptions): RulePacks {
  const loaded = loadIdentity(stateDir);
  return openRulePacks({
    dir: join(stateDir, 'packs'),
    // A damaged identity says nothing about whose the pack is: protection stays.
    endpointId: loaded.ok ? loaded.identity.endpointId : undefined,
    platform: thisPlatform(),
    clock,
    log,
    signal,
    fetch: async (reference) => {
      const current = loadIdentity(stateDir);
      if (!current.ok) return { ok: false, code: 'pack_unavailable', detail: current.code };
      return await fetchPack(reference, { identity: current.identity, environment: process.env, signal });
    },
  });
}
