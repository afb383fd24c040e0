import { type Event, LIMITS } from '@yagura/protocol';
import { executedFiles, executionOf } from '../process/executed-files.ts';
import type { ProcessFacts, ProcessLookup } from '../process/process-lookup.ts';
import { isInfrastructure, isSystemPath, livePath } from '../process/system-roles.ts';
import type { OpenStories } from './open-stories.ts';
import { removeFile, renameFile, writeFile } from './story-files.ts';
import { addProcess, endProcess, factsOfEvent } from './story-processes.ts';
import type { StoryState } from './story-state.ts';

export interface FollowContext {
  readonly stories: OpenStories;
  readonly processes: ProcessLookup;
  readonly protectedEntityIds: () => ReadonlySet<string>;
}

/**
 * Keeps open stories up to date with an event, whether a rule matched it or not: what their processes start
 * and write, what their files become, and who ends. Costs two or three map look-ups for unconcerned events.
 */
export function followEvent(event: Event, context: FollowContext): void {
  switch (event.logsource.category) {
    case 'process_creation':
      return followStart(event, context);
    case 'process_termination':
      return followEnd(event, context);
    case 'file_event':
    case 'file_change':
      return followWrite(event, context);
    case 'file_rename':
      return followRename(event, context);
    case 'file_delete':
      return followDelete(event, context);
    default:
      return;
  }
}

function followStart(event: Event, context: FollowContext): void {
  const { entityId, parentEntityId } = event;
  if (entityId === undefined) return;
  const { index } = context.stories;
  const known = index.members.get(entityId);
  const parent = parentEntityId === undefined ? undefined : index.members.get(parentEntityId);
  const byTree = known?.storyId ?? (parent?.leads === true ? parent.storyId : undefined);
  const state = context.stories.get(byTree ?? storyOfExecutedFile(event, context));
  if (state === undefined) return;
  const facts = factsOfEvent(event, context.processes.get(entityId));
  if (facts === undefined || isUntouchable(facts, context)) return;
  index.join(state, entityId, true);
  // A parent of many is the last one to be forgotten.
  if (parent !== undefined && parentEntityId !== undefined) index.members.set(parentEntityId, parent);
  if (addProcess(state, facts, false)) context.stories.touch(state, urgencyOf(state));
}

/** A file that a story wrote is run elsewhere; the harmless test draws in nothing but itself. */
function storyOfExecutedFile(event: Event, { stories }: FollowContext): string | undefined {
  if (stories.size === 0) return undefined;
  for (const path of executedFiles(executionOf(event))) {
    const storyId = stories.index.storyOfFile(path);
    if (storyId !== undefined && stories.get(storyId)?.safeTest === false) return storyId;
  }
  return undefined;
}

function isUntouchable(facts: ProcessFacts, context: FollowContext): boolean {
  return isInfrastructure(facts) || context.protectedEntityIds().has(facts.entityId);
}

function followEnd(event: Event, { stories }: FollowContext): void {
  const { entityId } = event;
  if (entityId === undefined) return;
  const state = stories.get(stories.index.members.get(entityId)?.storyId);
  // An end is shown soon enough with the next drain: nothing is to be decided about it.
  if (state !== undefined && endProcess(state, entityId, event.time)) stories.touch(state, 'later');
}

function followWrite(event: Event, { stories }: FollowContext): void {
  const path = targetOf(event);
  const { entityId } = event;
  if (path === undefined || entityId === undefined) return;
  stories.index.setWriter(path, { entityId, time: event.time });
  const member = stories.index.members.get(entityId);
  const state = member?.leads === true ? stories.get(member.storyId) : undefined;
  if (state === undefined) return;
  if (!isSystemPath(path)) stories.index.setFile(path, state.storyId);
  if (writeFile(state, path, entityId, false)) stories.touch(state, urgencyOf(state));
}

function followRename(event: Event, context: FollowContext): void {
  const { stories } = context;
  const to = targetOf(event);
  const from = event.fields['SourceFilename'];
  if (to === undefined) return;
  if (typeof from !== 'string') return followWrite(event, context);
  stories.index.renameFile(from, to);
  let known = false;
  for (const state of stories.all()) {
    if (!renameFile(state, from, to)) continue;
    known = true;
    stories.touch(state, urgencyOf(state));
  }
  if (!known) followWrite(event, context);
}

function followDelete(event: Event, { stories }: FollowContext): void {
  const path = targetOf(event);
  if (path === undefined) return;
  stories.index.removeFile(path);
  for (const state of stories.all()) if (removeFile(state, path)) stories.touch(state, 'later');
}

/** Paths longer than the protocol allows exist on no filesystem of ours. */
function targetOf(event: Event): string | undefined {
  const path = event.fields['TargetFilename'];
  return typeof path === 'string' && path.length <= LIMITS.path ? livePath(path) : undefined;
}

/** What happens in a story that was contained may need a new verdict at once. */
function urgencyOf(state: StoryState): 'later' | 'urgent' {
  return state.containment === 'observed' ? 'later' : 'urgent';
}
