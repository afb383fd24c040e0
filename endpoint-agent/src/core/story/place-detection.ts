import type { Event } from '@yagura/protocol';
import { hashesOfEvent } from '../detection/indicators/hash-indicator.ts';
import { executedFiles, executionOf } from '../process/executed-files.ts';
import type { ProcessFacts, ProcessLookup } from '../process/process-lookup.ts';
import { isInfrastructure, isSystemPath, isTemporaryPath, livePath, systemRole } from '../process/system-roles.ts';
import { isCarried, runsStoryFile, wasBornGuilty } from '../verdict/story-roots.ts';
import { type Ancestor, linkableAncestors } from './locate-story.ts';
import { addFile } from './story-files.ts';
import type { StoryIndex } from './story-index.ts';
import { addProcess, factsOfEvent } from './story-processes.ts';
import type { StoryState } from './story-state.ts';

/** Ancestors that are shown above a detected process for orientation. */
const CONTEXT_ANCESTORS = 6;
const MAX_LINKS_PER_STORY = 200;
/** Processes that ran below one already when it was detected. */
const MAX_DESCENDANTS = 150;

export interface PlacementContext {
  readonly index: StoryIndex;
  readonly processes: ProcessLookup;
  readonly protectedEntityIds: ReadonlySet<string>;
}

/** Puts the process and the files of a detected event into the story, with what leads to them. */
export function placeDetection(
  state: StoryState,
  event: Event,
  ancestors: readonly Ancestor[],
  context: PlacementContext,
): void {
  placeFiles(state, event, context);
  const { entityId } = event;
  if (entityId === undefined) return;
  const facts = factsOfEvent(event, context.processes.get(entityId));
  if (facts === undefined) return;
  addProcess(state, facts, false);
  const ledBefore = context.index.members.get(entityId)?.leads === true;
  context.index.join(state, entityId, false);
  // A member by descent leads on already; else the process itself decides.
  if (!ledBefore && leads(state, facts, context)) {
    context.index.members.set(entityId, { storyId: state.storyId, leads: true });
    context.index.forgetOutsiders();
    for (const below of context.processes.descendants(entityId).slice(0, MAX_DESCENDANTS)) {
      if (isInfrastructure(below) || context.index.members.get(below.entityId) !== undefined) continue;
      context.index.join(state, below.entityId, true);
      addProcess(state, below, false);
    }
  }
  for (const ancestor of ancestors.slice(0, CONTEXT_ANCESTORS)) addProcess(state, ancestor.facts, true);
  showParentOfChain(state, facts, ancestors, context.processes);
  if (state.safeTest) return;
  for (const link of linkableAncestors(ancestors)) {
    if (state.links.size >= MAX_LINKS_PER_STORY) break;
    state.links.add(link);
    context.index.links.set(link, state.storyId);
  }
}

/** Rebuilds what leads to a story that a former run of the agent had open. */
export function indexStory(state: StoryState, index: StoryIndex, processes: ProcessLookup): void {
  const { storyId } = state;
  for (const process of state.processes.values()) {
    if (process.context) continue;
    const parent = process.parentEntityId === undefined ? undefined : state.processes.get(process.parentEntityId);
    const descended = parent !== undefined && !parent.context;
    const leadsOn = descended || leads(state, process, { processes });
    index.members.set(process.entityId, { storyId, leads: leadsOn });
  }
  for (const { file } of state.files.values()) if (!isSystemPath(file.path)) index.setFile(file.path, storyId);
  if (!state.safeTest) for (const link of state.links) index.links.set(link, storyId);
}

/**
 * Whether what the process starts and writes belongs to the story. Not so for what serves many: a web server
 * with one bad request is not guilty of the next one.
 */
function leads(
  state: StoryState,
  facts: ProcessFacts,
  { processes: table }: Pick<PlacementContext, 'processes'>,
): boolean {
  const [parent] = table.ancestors(facts.entityId, 1);
  switch (systemRole(facts, parent)) {
    case 'infrastructure':
      return false;
    case 'service-main':
    case 'session-leader': {
      if (wasBornGuilty(facts.entityId, state.detections)) return true;
      const process = state.processes.get(facts.entityId);
      const files = [...state.files.values()].map(({ file }) => file);
      const processes = [...state.processes.values()];
      return process !== undefined && runsStoryFile(process, { detections: [], processes, files });
    }
    case 'ordinary': {
      const own = state.detections.filter(({ event }) => event.entityId === facts.entityId);
      // A browser that wrote one listed file goes on; what it does else is not of the story.
      return own.length === 0 || own.some((detection) => !isCarried(detection, facts));
    }
  }
}

/** The first process that is no longer followed upwards (pid 1, sshd, the agent) still shows where it came from. */
function showParentOfChain(
  state: StoryState,
  facts: ProcessFacts,
  ancestors: readonly Ancestor[],
  processes: ProcessLookup,
): void {
  if (ancestors.length >= CONTEXT_ANCESTORS) return;
  const top = ancestors.at(-1)?.facts.entityId ?? facts.entityId;
  const [parent] = processes.ancestors(top, 1);
  if (parent !== undefined) addProcess(state, parent, true);
}

function placeFiles(state: StoryState, event: Event, context: PlacementContext): void {
  const { category } = event.logsource;
  const { TargetFilename, MountNamespace } = event.fields;
  // In another mount namespace the path names some other file, which nobody may be led to, unless its hash says which.
  const isElsewhere = MountNamespace !== undefined;
  if (category === 'process_creation') {
    for (const path of executedFiles(executionOf(event)).map(livePath)) {
      const isNamed = path === event.fields['Image'] && hashOf(event) !== undefined;
      if (!isElsewhere || isNamed) placeExecuted(state, path, event, context);
    }
    return;
  }
  if (typeof TargetFilename !== 'string' || isElsewhere) return;
  const isKept = category === 'persistence' && event.fields['Operation'] !== 'delete';
  const isWritten = category === 'file_event' || category === 'file_rename' || isKept;
  // What was only read (/etc/shadow) is no file of the story; a listed hash makes it one. Who gave a file another
  // mode or date did not write it.
  if (!isWritten && category !== 'file_change' && hashOf(event) === undefined) return;
  const path = livePath(TargetFilename);
  const writer = isWritten ? event.entityId : undefined;
  addFile(state, { path, ...hashFacts(event), ...(writer === undefined ? {} : { writerEntityId: writer }) }, true);
  if (isWritten && !isSystemPath(path)) context.index.setFile(path, state.storyId);
}

/** The program or script that ran, with who wrote it: a downloader, often, that nothing else pointed at. */
function placeExecuted(state: StoryState, path: string, event: Event, context: PlacementContext): void {
  if (isSystemPath(path) || !path.startsWith('/')) return;
  const write = context.index.writerOf(path);
  const writer = write === undefined ? undefined : context.processes.get(write.entityId);
  const isImage = path === event.fields['Image'];
  const facts = {
    path,
    ...(isImage ? hashFacts(event) : {}),
    ...(write === undefined ? {} : { writerEntityId: write.entityId }),
  };
  addFile(state, facts, true);
  // A tool that was installed long ago leads nowhere: two people may use it.
  const isDropped = write !== undefined || isTemporaryPath(path);
  if (isDropped && !state.safeTest) context.index.setFile(path, state.storyId);
  if (writer === undefined || isInfrastructure(writer) || context.protectedEntityIds.has(writer.entityId)) return;
  if (context.index.members.get(writer.entityId) !== undefined) return;
  addProcess(state, writer, false);
  context.index.join(state, writer.entityId, false);
}

function hashOf(event: Event): string | undefined {
  return hashesOfEvent(event.fields).find(({ hash }) => hash.length === 64)?.hash;
}

function hashFacts(event: Event): { sha256?: string } {
  const sha256 = hashOf(event);
  return sha256 === undefined ? {} : { sha256 };
}
