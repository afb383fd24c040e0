import { randomUUID } from 'node:crypto';
import type {
  PlanRuleTuning,
  RuleDetail,
  RulePage,
  RuleQuery,
  RuleTuningList,
  RuleTuningPlan,
  RuleTuningRow,
  StandingOrderRow,
} from '@yagura/console/api/index.ts';
import { type RuleTuning, SEVERITIES, type TenantApproval } from '@yagura/protocol';
import { pageOf } from './page.ts';
import { record, type World } from './world.ts';

const DAY_MS = 86_400_000;

/** What the real console answers about rules, over the world's plain data. */
export function rulePage(world: World, query: RuleQuery): RulePage {
  const rows = world.rules
    .filter((rule) => query.system === undefined || rule.system === query.system)
    .filter((rule) => query.level === undefined || rule.severity === query.level)
    .map((rule) => ({ ...rule, level: SEVERITIES.indexOf(rule.severity) }));
  const { items, next } = pageOf(rows, query, ['title', 'localTitle', 'ruleId', 'techniques', 'author'], '-level');
  const page = {
    total: world.rules.length,
    items: items.flatMap(({ ruleId }) => world.rules.filter((rule) => rule.ruleId === ruleId)),
  };
  return next === undefined ? page : { ...page, next };
}

export function ruleDetail(world: World, ruleId: string | undefined): RuleDetail | undefined {
  const rule = world.rules.find((each) => each.ruleId === ruleId);
  if (rule === undefined) return undefined;
  const incidents = world.incidents
    .filter(({ story }) => story.detections.some((detection) => detection.rule.ruleId === ruleId))
    .map(({ incidentId, title, endpointName, receivedAt }) => ({ incidentId, title, endpointName, receivedAt }));
  return { ...rule, incidents };
}

export function tuningList(world: World): RuleTuningList {
  const endpoints = world.endpoints.filter(({ state }) => state !== 'revoked');
  return {
    items: world.tunings.toSorted((a, b) => a.expiresAt - b.expiresAt),
    suspended: endpoints.flatMap(({ endpointId, displayName, health }) =>
      (health?.rules.suspended ?? []).map((rule) => ({ ...rule, endpointId, endpointName: displayName })),
    ),
    endpoints: endpoints.map(({ endpointId, displayName, platform }) => ({ endpointId, name: displayName, platform })),
  };
}

export function planTuning(world: World, request: PlanRuleTuning): RuleTuningPlan {
  const now = Date.now();
  const changed = (set: RuleTuning[]): RuleTuning[] =>
    request.change === 'end'
      ? set.filter(({ tuningId }) => tuningId !== request.tuningId)
      : [
          ...set.filter(({ ruleId }) => ruleId !== request.ruleId),
          {
            tuningId: `tuning-${randomUUID()}`,
            ruleId: request.ruleId,
            ruleTitle: request.ruleTitle,
            change: request.to,
            owner: world.user.name,
            reason: request.reason,
            createdAt: now,
            expiresAt: now + request.validDays * DAY_MS,
          },
        ];
  const setOf = (endpointId: string | undefined): RuleTuning[] =>
    world.tunings
      .filter(({ endpoint }) => endpoint?.endpointId === endpointId)
      .map(({ endpoint: _1, progress: _2, matches: _3, ...tuning }) => tuning);
  const { target } = request;
  if (target.scope === 'tenant') {
    const tunings = changed(setOf(undefined));
    return {
      actions: [],
      tenantAction: { kind: 'set-rule-tunings', scope: 'tenant', version: world.standings.length + 1, tunings },
    };
  }
  return {
    actions: target.endpointIds.map((endpointId) => ({
      endpointId,
      action: { kind: 'set-rule-tunings', scope: 'endpoint', version: 2, tunings: changed(setOf(endpointId)) },
    })),
  };
}

/** Puts a whole set into force, of one endpoint or of all. */
export function replaceTunings(
  world: World,
  tunings: readonly RuleTuning[],
  place: Pick<RuleTuningRow, 'endpoint' | 'progress'>,
): void {
  for (let index = world.tunings.length - 1; index >= 0; index--) {
    if (world.tunings[index]?.endpoint?.endpointId === place.endpoint?.endpointId) world.tunings.splice(index, 1);
  }
  for (const tuning of tunings) world.tunings.push({ ...tuning, ...place, matches: 0 });
  world.announce('rule-tunings');
}

/** Reaches those that are connected a moment later, as endpoints take orders. */
export function placeStanding(world: World, { approvalId, action }: TenantApproval): StandingOrderRow {
  const now = Date.now();
  const endpoints = world.endpoints.filter(({ state }) => state !== 'revoked');
  const row: StandingOrderRow = {
    standingId: approvalId,
    action,
    orderedBy: world.user.name,
    orderedAt: now,
    expiresAt: now + 366 * DAY_MS,
    progress: { endpoints: endpoints.length, done: 0, failed: 0 },
  };
  world.standings.push(row);
  record(world, `tenant-order.${action.kind}`, approvalId);
  setTimeout(() => {
    const connected = endpoints.filter(({ state }) => state !== 'offline');
    row.progress = { ...row.progress, done: connected.length };
    if (action.kind === 'set-rule-tunings') replaceTunings(world, action.tunings, { progress: row.progress });
    for (const { health } of connected) {
      if (health === undefined || action.kind === 'set-rule-tunings') continue;
      const { kind, ...active } = action;
      health.rulePack = kind === 'set-rule-pack' && 'sha256' in active ? { active } : {};
    }
    for (const topic of ['orders', 'rule-packs', 'rule-tunings'] as const) world.announce(topic);
  }, 300).unref();
  return { ...row };
}
