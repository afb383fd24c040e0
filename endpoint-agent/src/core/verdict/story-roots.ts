import { compareSeverity, type Detection, type Story, type StoryProcess } from '@yagura/protocol';
import { executedFiles, isInterpreter } from '../process/executed-files.ts';
import type { ProcessFacts } from '../process/process-lookup.ts';
import { isInfrastructure, isSystemPath, livePath, systemRole } from '../process/system-roles.ts';

type Judged = Pick<Story, 'detections' | 'processes' | 'files'>;

/** Chains of parents are data from outside; a loop in them must end. */
const MAX_DEPTH = 256;

/**
 * Roots of the trees that a story would have stopped, the highest first: processes that are guilty
 * themselves and have no guilty ancestor. Guilty is who has a detection of medium severity or more (of any
 * severity, if the story has nothing better), or who runs a file that the story itself wrote.
 *
 * Never a root: what is in `protectedEntityIds`, infrastructure (pid 1, sshd, the session bus ...), and a
 * service's main process or the shell that a person sits in front of, unless that process was evil from its
 * very start: it runs a file of the story, or a severe and certain rule matched its own start.
 */
export function storyRoots(story: Judged, protectedEntityIds: ReadonlySet<string>): readonly string[] {
  const byId = new Map(story.processes.map((process) => [process.entityId, process]));
  const guilty = new Set<string>();
  for (const process of guiltyProcesses(story, byId)) {
    if (!protectedEntityIds.has(process.entityId) && mayBeRoot(process, byId, story)) guilty.add(process.entityId);
  }
  const roots = [...guilty]
    .map((entityId) => ({ entityId, ancestors: ancestorsOf(entityId, byId) }))
    .filter(({ ancestors }) => !ancestors.some((ancestor) => guilty.has(ancestor)));
  return roots.sort((a, b) => a.ancestors.length - b.ancestors.length).map(({ entityId }) => entityId);
}

/**
 * What is to be stopped of the trees below the roots: a root that still runs, or else the topmost processes
 * below it that do. A tree that ended by itself has none.
 */
export function standingRoots(
  roots: readonly string[],
  processes: readonly StoryProcess[],
  protectedEntityIds: ReadonlySet<string>,
): readonly string[] {
  const standing = new Set<string>();
  for (const root of roots) {
    const alive = treeOf(root, processes).filter(
      (process) => isAlive(process) && !isInfrastructure(process) && !protectedEntityIds.has(process.entityId),
    );
    const ids = new Set(alive.map(({ entityId }) => entityId));
    if (ids.has(root)) standing.add(root);
    else for (const { entityId, parentEntityId } of alive) if (!ids.has(parentEntityId ?? '')) standing.add(entityId);
  }
  return [...standing];
}

export function isAlive({ state }: StoryProcess): boolean {
  return state === 'running' || state === 'frozen';
}

/**
 * Whether the process runs a file that one of the story's own processes wrote. Files in the system's folders
 * do not count: a package manager that got into a story writes the programs of every service there.
 */
export function runsStoryFile(process: StoryProcess, story: Judged): boolean {
  if (process.image === undefined) return false;
  const run = executedFiles({ image: process.image, commandLine: process.commandLine });
  const paths = new Set(run.map(livePath).filter((path) => !isSystemPath(path)));
  const isWrittenHere = (writer: string | undefined): boolean =>
    writer !== undefined && story.processes.some(({ entityId, context }) => entityId === writer && !context);
  return story.files.some((file) => paths.has(livePath(file.path)) && isWrittenHere(file.writerEntityId));
}

/**
 * Whether the detection is about a file that the process only carried: a listed file that a copier, archiver,
 * browser or mail server of the system wrote. The file goes, the program stays: else whoever puts a test file
 * into a home would have root's backup killed every night. A shell or an interpreter counts as carrier only
 * where the script that it runs lies in the system's folders too.
 */
export function isCarried({ rule, event }: Detection, { image, commandLine }: ProcessFacts): boolean {
  if (rule.source !== 'indicator' && rule.source !== 'yara') return false;
  const { category } = event.logsource;
  if (category !== 'file_event' && category !== 'file_change' && category !== 'file_rename') return false;
  const run = executedFiles({ image, commandLine }).map(livePath);
  return run.length > (isInterpreter(image) ? 1 : 0) && run.every(isSystemPath);
}

/** Whether a severe and certain rule matched the very start of this process. */
export function wasBornGuilty(entityId: string, detections: readonly Detection[]): boolean {
  return detections.some(
    ({ event, rule }) =>
      event.entityId === entityId &&
      event.logsource.category === 'process_creation' &&
      rule.confidence === 'high' &&
      compareSeverity(rule.severity, 'high') >= 0,
  );
}

/** The process and everything of the story below it. */
export function treeOf(rootEntityId: string, processes: readonly StoryProcess[]): readonly StoryProcess[] {
  const members = new Set([rootEntityId]);
  // Parents need not stand before their children: go on until nothing is added.
  for (let before = 0; before !== members.size; ) {
    before = members.size;
    for (const { entityId, parentEntityId } of processes) {
      if (parentEntityId !== undefined && members.has(parentEntityId)) members.add(entityId);
    }
  }
  return processes.filter(({ entityId, context }) => !context && members.has(entityId));
}

function guiltyProcesses(story: Judged, byId: ReadonlyMap<string, StoryProcess>): readonly StoryProcess[] {
  const grave = story.detections.filter(({ rule }) => compareSeverity(rule.severity, 'medium') >= 0);
  const weighed = (grave.length > 0 ? grave : story.detections).filter((detection) => {
    const process = byId.get(detection.event.entityId ?? '');
    return process === undefined || !isCarried(detection, process);
  });
  const accused = new Set(weighed.map(({ event }) => event.entityId));
  return [...byId.values()].filter(
    (process) => accused.has(process.entityId) || (!process.context && runsStoryFile(process, story)),
  );
}

function mayBeRoot(process: StoryProcess, byId: ReadonlyMap<string, StoryProcess>, story: Judged): boolean {
  const parent = process.parentEntityId === undefined ? undefined : byId.get(process.parentEntityId);
  switch (systemRole(process, parent)) {
    case 'infrastructure':
      return false;
    case 'service-main':
    case 'session-leader':
      return wasBornGuilty(process.entityId, story.detections) || runsStoryFile(process, story);
    case 'ordinary':
      return true;
  }
}

function ancestorsOf(entityId: string, byId: ReadonlyMap<string, StoryProcess>): readonly string[] {
  const ancestors: string[] = [];
  let parent = byId.get(entityId)?.parentEntityId;
  while (parent !== undefined && parent !== entityId && ancestors.length < MAX_DEPTH && !ancestors.includes(parent)) {
    ancestors.push(parent);
    parent = byId.get(parent)?.parentEntityId;
  }
  return ancestors;
}
