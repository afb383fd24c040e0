import { SEVERITIES, type Story } from '@yagura/protocol';
import { newId } from '../../platform/random.ts';
import type { IncidentsTable } from '../../store/schema.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';
import type { AlertsOptions } from './alerts.ts';
import type { StoryTimes } from './api.ts';
import { decideLane } from './domain/decide-lane.ts';
import { decideReopening } from './domain/decide-reopening.ts';
import { storyTitle } from './domain/story-title.ts';

/** Enters one revision of a story: a new incident, a revised one, or nothing when it is not newer. */
export async function applyStory(
  options: AlertsOptions,
  tx: Tx,
  origin: Origin,
  story: Story,
  times: StoryTimes,
): Promise<void> {
  const { clock, random, bus, audit } = options;
  const { tenantId, endpointId } = origin;
  const known = await tx.db
    .selectFrom('incidents')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('endpoint_id', '=', endpointId)
    .where('story_id', '=', story.storyId)
    .executeTakeFirst();
  if (known && known.revision >= story.revision) return;
  const now = clock.now();
  const facts = factsOf(story);
  let incidentId: string;
  if (known) {
    incidentId = known.incident_id;
    const reopens = known.status === 'closed' && decideReopening(known, story);
    await tx.db
      .updateTable('incidents')
      .set({
        ...facts,
        updated_at: now,
        // The clock of what is owed runs from the judgement that made it owed.
        ...(facts.lane === known.lane ? {} : { judged_at: now }),
        ...(reopens ? REOPENED : {}),
      })
      .where('tenant_id', '=', tenantId)
      .where('incident_id', '=', incidentId)
      .execute();
    await tx.db
      .updateTable('incident_stories')
      .set({ story_json: JSON.stringify(story) })
      .where('tenant_id', '=', tenantId)
      .where('incident_id', '=', incidentId)
      .execute();
    if (reopens) {
      await audit.record(tx, {
        tenantId,
        actor: 'console',
        action: 'incident.reopen',
        target: incidentId,
        detail: `revision ${story.revision}: ${story.severity}, ${story.containment}`,
      });
    }
  } else {
    incidentId = newId(random, 'inc');
    await tx.db
      .insertInto('incidents')
      .values({
        tenant_id: tenantId,
        incident_id: incidentId,
        endpoint_id: endpointId,
        story_id: story.storyId,
        ...facts,
        status: 'open',
        resolution: null,
        endpoint_time: story.firstSeen,
        occurred_at: correctTime(story.firstSeen, times),
        received_at: times.receivedAt,
        judged_at: now,
        delivered_at: null,
        updated_at: now,
        closed_at: null,
        closed_by: null,
        close_note: null,
      })
      .execute();
    await tx.db
      .insertInto('incident_stories')
      .values({ tenant_id: tenantId, incident_id: incidentId, story_json: JSON.stringify(story) })
      .execute();
  }
  await countByRule(tx, tenantId, incidentId, story, times.receivedAt);
  tx.afterCommit(() => {
    bus.publish({ type: 'changed', tenantId, topic: 'incidents', id: incidentId });
    bus.publish({ type: 'changed', tenantId, topic: 'endpoints', id: endpointId });
  });
}

export const REOPENED = {
  status: 'open',
  resolution: null,
  closed_at: null,
  closed_by: null,
  close_note: null,
} as const satisfies Partial<IncidentsTable>;

/**
 * How often each rule is in the story. Revisions repeat what came before, so that the number replaces the former
 * one; the time is that of the revision which brought more. The product's own test counts for nothing (SPEC ST4).
 */
async function countByRule(
  tx: Tx,
  tenantId: string,
  incidentId: string,
  story: Story,
  receivedAt: number,
): Promise<void> {
  if (story.safeTest) return;
  const counts = new Map<string, number>();
  for (const { rule } of story.detections) counts.set(rule.ruleId, (counts.get(rule.ruleId) ?? 0) + 1);
  const before = await tx.db
    .selectFrom('rule_detections')
    .select(['rule_id', 'detections'])
    .where('tenant_id', '=', tenantId)
    .where('incident_id', '=', incidentId)
    .execute();
  const known = new Map(before.map((row) => [row.rule_id, row.detections]));
  for (const [ruleId, detections] of counts) {
    // A story that is cut to its bounds lists fewer than there were: what was counted stays counted.
    if (detections <= (known.get(ruleId) ?? 0)) continue;
    const fresh = { detections, received_at: receivedAt };
    await tx.db
      .insertInto('rule_detections')
      .values({ tenant_id: tenantId, rule_id: ruleId, incident_id: incidentId, ...fresh })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'incident_id', 'rule_id']).doUpdateSet(fresh))
      .execute();
  }
}

function factsOf(story: Story) {
  const title = storyTitle(story);
  return {
    revision: story.revision,
    lane: decideLane(story),
    severity: story.severity,
    severity_rank: SEVERITIES.indexOf(story.severity),
    containment: story.containment,
    safe_test: story.safeTest ? 1 : 0,
    title_ja: title.ja ?? null,
    title_en: title.en,
    detection_count: story.detectionCount,
  };
}

/** The endpoint's clock, corrected by its measured offset; nothing happens after it was received. */
function correctTime(time: number, { receivedAt, clockOffsetMs }: StoryTimes): number {
  return Math.max(0, Math.min(Math.round(time + clockOffsetMs), receivedAt));
}
