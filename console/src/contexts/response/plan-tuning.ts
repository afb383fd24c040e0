import type { RuleTuning } from '@yagura/protocol';
import type { PlanRuleTuning, RuleTuningPlan } from '../../api/rules.ts';
import { fail, type Result, succeed } from '../../platform/http-errors.ts';
import { newId } from '../../platform/random.ts';
import type { Actor } from '../identity/api.ts';
import { type TuningChange, withoutTuning, withTuning } from './domain/tuning-set.ts';
import type { ResponseOptions } from './response.ts';
import { readEndpointSet, readTenantSet } from './tuning-store.ts';

const DAY_MS = 24 * 3_600_000;

/** What a person has to approve; the owner of a new tuning is that person. */
export async function planRuleTuning(
  { store, clock, random }: ResponseOptions,
  { tenantId, name }: Actor,
  request: PlanRuleTuning,
): Promise<Result<RuleTuningPlan>> {
  const now = clock.now();
  const change = (set: readonly RuleTuning[]): TuningChange =>
    request.change === 'end'
      ? withoutTuning(set, request.tuningId, now)
      : withTuning(
          set,
          {
            tuningId: newId(random, 'tun'),
            ruleId: request.ruleId,
            ruleTitle: request.ruleTitle,
            change: request.to,
            owner: name,
            reason: request.reason,
            createdAt: now,
            expiresAt: now + request.validDays * DAY_MS,
          },
          now,
        );
  if (request.target.scope === 'tenant') {
    const { tunings, nextVersion } = await readTenantSet(store.read, tenantId, now);
    const changed = change(tunings);
    if (!changed.ok) return fail(changed.code);
    return succeed({
      actions: [],
      tenantAction: { kind: 'set-rule-tunings', scope: 'tenant', version: nextVersion, tunings: changed.tunings },
    });
  }
  const actions: RuleTuningPlan['actions'] = [];
  for (const endpointId of new Set(request.target.endpointIds)) {
    const endpoint = await store.read
      .selectFrom('endpoints')
      .select('revoked_at')
      .where('tenant_id', '=', tenantId)
      .where('endpoint_id', '=', endpointId)
      .executeTakeFirst();
    if (!endpoint) return fail('not_found');
    if (endpoint.revoked_at !== null) return fail('endpoint_revoked');
    const { tunings, nextVersion } = await readEndpointSet(store.read, { tenantId, endpointId }, now);
    const changed = change(tunings);
    if (!changed.ok) return fail(changed.code);
    actions.push({
      endpointId,
      action: { kind: 'set-rule-tunings', scope: 'endpoint', version: nextVersion, tunings: changed.tunings },
    });
  }
  return succeed({ actions });
}
