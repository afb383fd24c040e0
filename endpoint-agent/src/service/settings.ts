import type { Exclusion, PolicyMode, RuleTuning, RuleTuningHealth } from '@yagura/protocol';
import { createRuleTuner, type RuleTuner } from '../core/index.ts';
import type { OrderedSettings } from '../orders/order-desk.ts';
import type { JudgedTime } from './judged-time.ts';

/** What people set for this endpoint, as the pipeline asks for it; replaced whole when an order changes it. */
export interface Settings {
  policy(): PolicyMode;
  exclusions(): readonly Exclusion[];
  exclusionsVersion(): number;
  tuner(): RuleTuner;
  /** The time by which exclusions and tunings end. */
  now(): number;
  /** Counts matches that tunings took out or changed. */
  countTuned(applied: readonly RuleTuning[]): void;
  tuningHealth(): RuleTuningHealth;
  replace(ordered: OrderedSettings): void;
}

const NOTHING: OrderedSettings = {
  exclusionsVersion: 0,
  exclusions: [],
  tunings: { endpoint: { version: 0, list: [] }, tenant: { version: 0, list: [] } },
};

export function createSettings(initialPolicy: PolicyMode, time: Pick<JudgedTime, 'now'>): Settings {
  let ordered = NOTHING;
  let tuner = tunerOf(ordered);
  /** Of tunings that are held: who leaves the set is forgotten. */
  const matches = new Map<string, number>();
  return {
    policy: () => ordered.policy ?? initialPolicy,
    exclusions: () => ordered.exclusions,
    exclusionsVersion: () => ordered.exclusionsVersion,
    tuner: () => tuner,
    now: () => time.now(),
    countTuned(applied) {
      for (const { tuningId } of applied) matches.set(tuningId, (matches.get(tuningId) ?? 0) + 1);
    },
    tuningHealth: () => ({
      endpointVersion: ordered.tunings.endpoint.version,
      tenantVersion: ordered.tunings.tenant.version,
      inForce: tuner.inForce(time.now()),
      matches: [...matches].map(([tuningId, count]) => ({ tuningId, count })),
    }),
    replace(next) {
      ordered = next;
      tuner = tunerOf(next);
      const held = new Set(
        [...next.tunings.endpoint.list, ...next.tunings.tenant.list].map(({ tuningId }) => tuningId),
      );
      for (const tuningId of matches.keys()) if (!held.has(tuningId)) matches.delete(tuningId);
    },
  };
}

function tunerOf({ tunings: { endpoint, tenant } }: OrderedSettings): RuleTuner {
  return createRuleTuner({ endpoint: endpoint.list, tenant: tenant.list });
}
