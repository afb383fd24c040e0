import { expect, test } from 'vitest';
import { aTuning } from '../../../test/fakes/rule-tunings.ts';
import type { OrderedSettings } from '../orders/order-desk.ts';
import { createSettings } from './settings.ts';

const NOW = aTuning('a').createdAt;
const hold = (endpoint: readonly string[], tenant: readonly string[] = []): OrderedSettings => ({
  exclusionsVersion: 0,
  exclusions: [],
  tunings: {
    endpoint: { version: 3, list: endpoint.map((ruleId) => aTuning(ruleId)) },
    tenant: { version: 8, list: tenant.map((ruleId) => aTuning(ruleId, { tuningId: `all_${ruleId}` })) },
  },
});

test('[CM13] every match that a tuning took out or changed is counted, by tuning, until it leaves the set', () => {
  let now = NOW;
  const settings = createSettings('balanced', { now: () => now });
  expect(settings.tuningHealth()).toEqual({ endpointVersion: 0, tenantVersion: 0, inForce: 0, matches: [] });
  settings.replace(hold(['a', 'b'], ['b']));
  settings.countTuned([aTuning('a'), aTuning('a'), aTuning('b', { tuningId: 'all_b' })]);
  expect(settings.tuningHealth()).toEqual({
    endpointVersion: 3,
    tenantVersion: 8,
    inForce: 3,
    matches: [
      { tuningId: 'tun_a', count: 2 },
      { tuningId: 'all_b', count: 1 },
    ],
  });
  settings.replace(hold(['b'], ['b']));
  expect(settings.tuningHealth()).toMatchObject({ inForce: 2, matches: [{ tuningId: 'all_b', count: 1 }] });
  now = aTuning('b').expiresAt;
  expect(settings.tuningHealth()).toMatchObject({ inForce: 0 });
  expect(settings.tuner().find('b', settings.now())).toBeUndefined();
});
