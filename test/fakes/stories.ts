import type { Detection, Event, EventCategory, RuleFacts, Story, StoryProcess } from '../../protocol/src/index.ts';
import { eventOf, ruleMatch } from './detections.ts';
import type { ProcessTree } from './process-tree.ts';

export function detection(rule: RuleFacts, event: Event): Detection {
  return { detectionId: `d-${event.eventId}`, rule, event, matched: [], time: event.time };
}

/** A detection of a severe and certain rule on a process of the tree. */
export function detectionOn(
  tree: ProcessTree,
  entityId: string,
  more: Partial<RuleFacts> = {},
  category: EventCategory = 'process_creation',
  fields: Event['fields'] = {},
): Detection {
  const { rule } = ruleMatch(more.ruleId ?? 'r', more);
  return detection(rule, eventOf(category, tree.get(entityId), fields));
}

/** A story of the given detections with every process of the tree that is named, the detected ones not as context. */
export function storyOf(tree: ProcessTree, detections: readonly Detection[], more: Partial<Story> = {}): Story {
  const detected = new Set(detections.map(({ event }) => event.entityId));
  const processes = new Map<string, StoryProcess>();
  for (const entityId of detected) {
    const facts = entityId === undefined ? undefined : tree.get(entityId);
    if (facts === undefined) continue;
    for (const { entityId: id, pid, image, commandLine, parentEntityId, startedAt } of [
      facts,
      ...tree.ancestors(facts.entityId, 8),
    ]) {
      processes.set(id, {
        entityId: id,
        pid,
        context: !detected.has(id),
        state: 'running',
        ...(image === undefined ? {} : { image }),
        ...(commandLine === undefined ? {} : { commandLine }),
        ...(parentEntityId === undefined ? {} : { parentEntityId }),
        ...(startedAt === undefined ? {} : { startedAt }),
      });
    }
  }
  return {
    storyId: 's-1',
    revision: 1,
    severity: 'high',
    score: 50,
    safeTest: false,
    firstSeen: 1,
    lastSeen: 2,
    detections: [...detections],
    detectionCount: detections.length,
    processes: [...processes.values()],
    processCount: detected.size,
    files: [],
    actions: [],
    containment: 'observed',
    ...more,
  };
}
