import { type Event, LIMITS } from '@yagura/protocol';
import { executedFiles, executionOf } from '../process/executed-files.ts';
import type { ProcessFacts, ProcessLookup } from '../process/process-lookup.ts';
import { isInfrastructure, isSystemPath, livePath } from '../process/system-roles.ts';
import { settleContainment } from './containment.ts';
import type { OpenStories } from './open-stories.ts';
import { removeFile, renameFile, writeFile } from './story-files.ts';
import { addProcess, endProcess, factsOfEvent } from './story-processes.ts';
import type { StoryState } from './story-state.ts';

/** Forks in a row without a program of their own. */
const MAX_FORKS = 12;

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
  const parent = parentEntityId === undefined ? undefined : index.members.get(parentEntityId);
  const byParent = parent?.leads === true ? context.stories.get(parent.storyId) : undefined;
  const state =
    byParent ?? storyByDescent(entityId, context) ?? context.stories.get(storyOfExecutedFile(event, context));
  if (state === undefined) return;
  const facts = factsOfEvent(event, context.processes.get(entityId));
  if (facts === undefined || isUntouchable(facts, context)) return;
  index.join(state, entityId, true);
  // A parent of many is the last one to be forgotten.
  if (parent !== undefined && parentEntityId !== undefined) index.members.set(parentEntityId, parent);
  if (addProcess(state, facts, false)) context.stories.touch(state, urgencyOf(state));
}

/**
 * The story of the process or of the nearest ancestor that leads to one. Processes in between that were
 * forked and never started a program have no event of their own: they join here, so that the tree is whole.
 */
function storyByDescent(entityId: string, context: FollowContext): StoryState | undefined {
  const { stories, processes } = context;
  const { index } = stories;
  const known = index.members.get(entityId);
  if (known !== undefined) return stories.get(known.storyId);
  if (stories.size === 0 || index.isOutsider(entityId)) return undefined;
  const between: ProcessFacts[] = [];
  for (const ancestor of processes.ancestors(entityId, MAX_FORKS)) {
    const member = index.members.get(ancestor.entityId);
    if (isUntouchable(ancestor, context)) break;
    if (member === undefined) {
      between.push(ancestor);
      continue;
    }
    const state = member.leads ? stories.get(member.storyId) : undefined;
    if (state === undefined) break;
    for (const facts of between) {
      index.join(state, facts.entityId, true);
      addProcess(state, facts, false);
    }
    return state;
  }
  index.setOutsider(entityId);
  return undefined;
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
  if (state === undefined || !endProcess(state, entityId, event.time)) return;
  // An end is shown soon enough with the next drain, unless it decides whether the story is contained.
  const isContained = state.containment !== 'observed' && settleContainment(state);
  stories.touch(state, isContained ? 'urgent' : 'later');
}

function followWrite(event: Event, context: FollowContext): void {
  const { stories } = context;
  const path = targetOf(event);
  const { entityId } = event;
  if (path === undefined || entityId === undefined) return;
  stories.index.setWriter(path, { entityId, time: event.time });
  const member = stories.index.members.get(entityId);
  const state = member?.leads === false ? undefined : storyByDescent(entityId, context);
  if (state === undefined) return;
  if (member === undefined) joinForked(state, entityId, context);
  if (!isSystemPath(path)) stories.index.setFile(path, state.storyId);
  if (writeFile(state, path, entityId, false)) stories.touch(state, urgencyOf(state));
}

/** A process that was forked and started no program, but writes. */
function joinForked(state: StoryState, entityId: string, { stories, processes }: FollowContext): void {
  const facts = processes.get(entityId);
  if (facts === undefined) return;
  stories.index.join(state, entityId, true);
  addProcess(state, facts, false);
}

function followRename(event: Event, context: FollowContext): void {
  const { stories } = context;
  const to = targetOf(event);
  const from = event.fields['SourceFilename'];
  if (to === undefined) return;
  if (typeof from !== 'string') return followWrite(event, context);
  if (event.fields['IsDirectory'] === true) return followFolder(from, to, context);
  stories.index.renameFile(from, to);
  let known = false;
  for (const state of stories.all()) {
    if (!renameFile(state, from, to)) continue;
    known = true;
    stories.touch(state, urgencyOf(state));
  }
  if (!known) followWrite(event, context);
}

/** What lies in a folder that was renamed has another path now, and would not be found under the old one. */
function followFolder(from: string, to: string, { stories }: FollowContext): void {
  if (!stories.index.holdsFiles(from)) return;
  stories.index.renameFolder(from, to);
  for (const state of stories.all()) {
    const below = [...state.files.keys()].filter((path) => path.startsWith(`${from}/`));
    for (const path of below) {
      if (renameFile(state, path, to + path.slice(from.length))) stories.touch(state, urgencyOf(state));
    }
  }
}

function followDelete(event: Event, { stories }: FollowContext): void {
  const path = targetOf(event);
  if (path === undefined) return;
  stories.index.removeFile(path);
  for (const state of stories.all()) if (removeFile(state, path)) stories.touch(state, 'later');
}

/**
 * Paths longer than the protocol allows exist on no filesystem of ours, and a path of another mount namespace is
 * some other file here.
 */
function targetOf(event: Event): string | undefined {
  const { TargetFilename: path, MountNamespace } = event.fields;
  if (MountNamespace !== undefined) return undefined;
  return typeof path === 'string' && path.length <= LIMITS.path ? livePath(path) : undefined;
}

/** What happens in a story that was contained may need a new verdict at once. */
function urgencyOf(state: StoryState): 'later' | 'urgent' {
  return state.containment === 'observed' ? 'later' : 'urgent';
}
