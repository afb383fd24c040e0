import { type ActionOutcome, LIMITS, type StoryProcess } from '@yagura/protocol';
import { isAlive, treeOf } from '../verdict/story-roots.ts';
import type { Verdict } from '../verdict/verdict.ts';
import { addFile } from './story-files.ts';
import type { StoryState } from './story-state.ts';

/** Codes that mean the wanted state was there already: nothing is left to stop. */
const AS_GOOD_AS_DONE: ReadonlySet<string> = new Set(['done', 'already_done', 'process_gone', 'not_found']);

/** Notes what a verdict wants, before anything is done. */
export function beginContainment(state: StoryState, verdict: Verdict): void {
  const roots = verdict.rootEntityId === undefined ? [] : [verdict.rootEntityId, ...verdict.furtherRootEntityIds];
  for (const root of roots) {
    if (state.intendedRoots.size >= LIMITS.processesPerStory) break;
    state.intendedRoots.add(root);
    state.awaited.add(root);
  }
  for (const path of verdict.files) {
    if (state.intendedFiles.size >= LIMITS.filesPerStory) break;
    addFile(state, { path }, true);
    if (!state.files.has(path)) continue;
    state.intendedFiles.add(path);
    state.awaited.add(path);
  }
  if (state.awaited.size > 0) state.containment = 'in-progress';
}

/**
 * Takes in what became of an action: the states of processes and files, and how far containment got.
 * Returns false when the outcome was known already.
 */
export function foldOutcome(state: StoryState, outcome: ActionOutcome): boolean {
  if (state.actions.some(({ actionId }) => actionId === outcome.actionId)) return false;
  if (state.actions.length >= LIMITS.actionsPerStory) dropAction(state);
  state.actions.push(outcome);
  foldProcesses(state, outcome);
  foldFile(state, outcome);
  const { kind, target } = outcome;
  if (kind === 'kill-tree' && target.entityId !== undefined) state.awaited.delete(target.entityId);
  if (kind === 'quarantine-file' && target.path !== undefined) state.awaited.delete(target.path);
  settleContainment(state);
  return true;
}

/** Takes note of trees that ended without our doing. Returns whether containment got further. */
export function settleContainment(state: StoryState): boolean {
  const before = state.containment;
  for (const root of state.awaited)
    if (state.intendedRoots.has(root) && hasEnded(state, root)) state.awaited.delete(root);
  state.containment = containmentOf(state);
  return state.containment !== before;
}

/** Nothing below the root runs any more, as far as the story knows. */
function hasEnded(state: StoryState, root: string): boolean {
  return !treeOf(root, [...state.processes.values()]).some(isAlive);
}

/** Makes room: what decided nothing (freezing, releasing) goes first, the oldest of it. */
function dropAction(state: StoryState): void {
  const minor = state.actions.findIndex(({ kind }) => kind !== 'kill-tree' && kind !== 'quarantine-file');
  state.actions.splice(Math.max(0, minor), 1);
}

function foldProcesses(state: StoryState, outcome: ActionOutcome): void {
  const { ok, target } = outcome;
  if (!ok || target.entityId === undefined) return;
  for (const process of treeOf(target.entityId, [...state.processes.values()])) {
    state.processes.set(process.entityId, afterAction(process, outcome));
  }
}

function afterAction(process: StoryProcess, { kind, startedAt, endedAt }: ActionOutcome): StoryProcess {
  switch (kind) {
    case 'freeze-tree':
      return process.state === 'running' ? { ...process, state: 'frozen' } : process;
    case 'release-tree':
      return process.state === 'frozen' ? { ...process, state: 'running' } : process;
    case 'kill-tree': {
      // The exit is often seen before the outcome: what ended since the action began, ended by it.
      if (process.endedAt !== undefined && process.endedAt < startedAt) return process;
      return { ...process, state: 'killed', endedAt: process.endedAt ?? endedAt };
    }
    default:
      return process;
  }
}

function foldFile(state: StoryState, { kind, ok, code, target }: ActionOutcome): void {
  const path = target.path ?? pathOfQuarantined(state, target.quarantineId);
  if (path === undefined) return;
  const facts = {
    path,
    ...(target.sha256 === undefined ? {} : { sha256: target.sha256 }),
    ...(target.size === undefined ? {} : { size: target.size }),
    ...(target.quarantineId === undefined ? {} : { quarantineId: target.quarantineId }),
  };
  switch (kind) {
    case 'quarantine-file':
      if (ok) addFile(state, { ...facts, state: 'quarantined' }, true);
      else if (code === 'not_found') addFile(state, { path, state: 'gone' }, true);
      return;
    case 'restore-file':
      if (ok) addFile(state, { ...facts, state: 'restored' }, true);
      return;
    case 'delete-quarantined':
      if (ok) addFile(state, { ...facts, state: 'deleted' }, true);
      return;
    default:
      return;
  }
}

function pathOfQuarantined(state: StoryState, quarantineId: string | undefined): string | undefined {
  if (quarantineId === undefined) return undefined;
  return [...state.files.values()].find(({ file }) => file.quarantineId === quarantineId)?.file.path;
}

/** `complete` when everything that was wanted is so; `partial` when the last word on something was no. */
function containmentOf(state: StoryState): StoryState['containment'] {
  if (state.awaited.size > 0) return 'in-progress';
  if (state.intendedRoots.size === 0 && state.intendedFiles.size === 0) return state.containment;
  const isDone = (kind: ActionOutcome['kind'], isTarget: (target: ActionOutcome['target']) => boolean): boolean => {
    const latest = state.actions.findLast((action) => action.kind === kind && isTarget(action.target));
    return latest !== undefined && (latest.ok || AS_GOOD_AS_DONE.has(latest.code));
  };
  const allEnded = [...state.intendedRoots].every(
    (root) => hasEnded(state, root) || isDone('kill-tree', ({ entityId }) => entityId === root),
  );
  const allMoved = [...state.intendedFiles].every((file) => isDone('quarantine-file', ({ path }) => path === file));
  return allEnded && allMoved ? 'complete' : 'partial';
}
