import type { Event } from '@yagura/protocol';
import { executedFiles, executionOf } from '../process/executed-files.ts';
import type { ProcessFacts, ProcessLookup } from '../process/process-lookup.ts';
import { isInteractiveShell, isTemporaryPath, type SystemRole, systemRole } from '../process/system-roles.ts';
import type { StoryIndex } from './story-index.ts';

const MAX_ANCESTORS = 24;
const MAX_DESCENDANTS = 500;
/** How far above a detection its undetected ancestors still stand for the same doing: script, helper, job. */
const MAX_LINKS = 3;

/** A process above the one in question, with its role. */
export interface Ancestor {
  readonly facts: ProcessFacts;
  readonly role: SystemRole;
}

/** Ancestors from the parent upwards, ending below what everything hangs on (infrastructure, the agent). */
export function ancestry(
  entityId: string,
  processes: ProcessLookup,
  protectedEntityIds: ReadonlySet<string>,
): readonly Ancestor[] {
  const chain = processes.ancestors(entityId, MAX_ANCESTORS);
  const ancestors: Ancestor[] = [];
  for (const [index, facts] of chain.entries()) {
    const role = systemRole(facts, chain[index + 1]);
    if (role === 'infrastructure' || protectedEntityIds.has(facts.entityId)) break;
    ancestors.push({ facts, role });
  }
  return ancestors;
}

/**
 * Undetected ancestors through which siblings find the same story. A service's main process or a person's
 * shell is never among them, so that two logins or two requests stay two stories; the climb ends at any
 * shell that someone types into.
 */
export function linkableAncestors(ancestors: readonly Ancestor[]): readonly string[] {
  const links: string[] = [];
  for (const { facts, role } of ancestors) {
    if (role !== 'ordinary' || links.length >= MAX_LINKS) break;
    links.push(facts.entityId);
    if (isInteractiveShell(facts)) break;
  }
  return links;
}

/**
 * The open story that an event with detections belongs to: by its process, by the nearest ancestor that is
 * part of one, by an undetected ancestor that lately led to one (`isRecent`), by the files it runs or touches.
 */
export function locateStory(
  event: Event,
  ancestors: readonly Ancestor[],
  index: StoryIndex,
  isRecent: (storyId: string) => boolean,
  processes: ProcessLookup,
): string | undefined {
  const { entityId } = event;
  const own = entityId === undefined ? undefined : (index.members.get(entityId)?.storyId ?? index.links.get(entityId));
  return (
    own ??
    byAncestor(ancestors, index, isRecent) ??
    byFile(event, index) ??
    byDescendant(entityId, index, isRecent, processes)
  );
}

/** Events come out of order: the child may have been detected before its parent was even known. */
function byDescendant(
  entityId: string | undefined,
  index: StoryIndex,
  isRecent: (storyId: string) => boolean,
  processes: ProcessLookup,
): string | undefined {
  const facts = entityId === undefined ? undefined : processes.get(entityId);
  if (facts === undefined) return undefined;
  const [parent] = processes.ancestors(facts.entityId, 1);
  if (systemRole(facts, parent) !== 'ordinary') return undefined;
  for (const descendant of processes.descendants(facts.entityId).slice(0, MAX_DESCENDANTS)) {
    const storyId = index.members.get(descendant.entityId)?.storyId;
    if (storyId !== undefined && isRecent(storyId)) return storyId;
  }
  return undefined;
}

function byAncestor(
  ancestors: readonly Ancestor[],
  index: StoryIndex,
  isRecent: (storyId: string) => boolean,
): string | undefined {
  const links = new Set(linkableAncestors(ancestors));
  for (const { facts, role } of ancestors) {
    const member = index.members.get(facts.entityId);
    if (member !== undefined && (member.leads || isRecent(member.storyId))) return member.storyId;
    if (role !== 'ordinary') return undefined;
    const linked = links.has(facts.entityId) ? index.links.get(facts.entityId) : undefined;
    if (linked !== undefined && isRecent(linked)) return linked;
  }
  return undefined;
}

function byFile(event: Event, index: StoryIndex): string | undefined {
  for (const path of filesOfEvent(event)) {
    const storyId = index.storyOfFile(path);
    if (storyId !== undefined) return storyId;
  }
  return undefined;
}

/**
 * The files through which an event can belong to a story: what it runs, and what it touches in folders of
 * temporary files. Two people who edit the same file of the system have nothing to do with each other.
 */
function filesOfEvent(event: Event): readonly string[] {
  const { TargetFilename } = event.fields;
  const run = event.logsource.category === 'process_creation' ? executedFiles(executionOf(event)) : [];
  return typeof TargetFilename === 'string' && isTemporaryPath(TargetFilename) ? [...run, TargetFilename] : run;
}
