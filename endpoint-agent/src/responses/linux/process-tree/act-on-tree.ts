import type { ActionCode } from '@yagura/protocol';
import type { Clock } from '../../../platform/clock.ts';
import { isAlive, isHalted, type ProcessStat, readProcessStat } from './process-stat.ts';
import { type ProcessKey, signalProcess, stopGroup } from './signal-process.ts';
import { byStart, createTreeWalk, type TreeWalk, type TreeWalkOptions } from './tree-walk.ts';

export interface TreeOptions extends TreeWalkOptions {
  readonly clock: Clock;
  /** Milliseconds after which an action on a tree reports what it has reached. */
  readonly deadlineMs: number;
}

export interface TreeResult {
  readonly code: ActionCode;
  readonly detail?: string;
  /** Processes that the action reached. */
  readonly processes: number;
  /** Those that it stopped and that had not been stopped before. */
  readonly stopped: readonly ProcessKey[];
}

/** Rounds that end a walk even if the clock stands still. */
const MAX_ROUNDS = 2_000;
const PAUSE_MS = 1;
/** So many new processes in one look are a fork bomb: it is stopped by the group, or it would outgrow the looks. */
const BURST = 24;

/**
 * Stops the tree where it is. Ends when a whole look at /proc found nothing new and every process of the tree
 * had halted before that look: then none is left that could have forked unseen.
 */
export async function freezeTree(options: TreeOptions): Promise<TreeResult> {
  const tree = createTreeWalk(options);
  if (tree.isRootProtected) return { code: 'protected_process', processes: 0, stopped: [] };
  return resultOf(tree, await holdTree(tree, options, options.clock.monotonic() + options.deadlineMs));
}

/** Freezes the tree, ends it from the leaves to the root, and waits until it is gone. */
export async function killTree(options: TreeOptions): Promise<TreeResult> {
  const tree = createTreeWalk(options);
  if (tree.isRootProtected) return { code: 'protected_process', processes: 0, stopped: [] };
  const deadline = options.clock.monotonic() + options.deadlineMs;
  const held = await holdTree(tree, options, deadline);
  for (let round = 0; ; round += 1) {
    for (const key of tree.known.toSorted(byStart).toReversed()) {
      const sent = signalProcess(key, 'SIGKILL');
      if (sent === 'sent') held.reached.add(key.pid);
      if (sent === 'not_permitted') held.denied.add(key.pid);
    }
    await pause(options.clock);
    // A process that an accomplice outside the tree had continued may have forked before it died.
    const added = tree.discover().length;
    const living = tree.known.filter((key) => !held.denied.has(key.pid) && isRunning(key)).length;
    if (added === 0 && living === 0) return resultOf(tree, { ...held, isComplete: true });
    if (options.clock.monotonic() > deadline || round >= MAX_ROUNDS) {
      return resultOf(tree, { ...held, isComplete: false });
    }
  }
}

/** Lets the tree run again, children first, and whatever `stopped` names beside it. */
export async function releaseTree(options: TreeOptions, stopped: readonly ProcessKey[]): Promise<TreeResult> {
  const tree = createTreeWalk(options);
  if (tree.isRootProtected) return { code: 'protected_process', processes: 0, stopped: [] };
  tree.discover();
  const keys = new Map([...stopped, ...tree.known].map((key) => [`${key.pid}:${key.startTicks}`, key]));
  const denied = new Set<number>();
  let reached = 0;
  for (const key of [...keys.values()].sort(byStart).reverse()) {
    const sent = signalProcess(key, 'SIGCONT');
    if (sent === 'sent') reached += 1;
    if (sent === 'not_permitted') denied.add(key.pid);
  }
  if (tree.isRootUnverified) return { ...UNVERIFIED, processes: reached, stopped: [] };
  if (reached === 0 && denied.size === 0) return { code: 'process_gone', processes: 0, stopped: [] };
  return { code: denied.size > 0 ? 'not_permitted' : 'done', processes: reached, stopped: [] };
}

interface Hold {
  readonly stopped: readonly ProcessKey[];
  readonly reached: Set<number>;
  readonly denied: Set<number>;
  readonly isComplete: boolean;
}

const UNVERIFIED = { code: 'refused', detail: 'nothing tells whether the process with this pid is the root' } as const;

async function holdTree(tree: TreeWalk, options: TreeOptions, deadline: number): Promise<Hold> {
  const stopped: ProcessKey[] = [];
  const reached = new Set<number>();
  const denied = new Set<number>();
  const outsiders = new Map<number, ProcessKey>();
  const stop = (key: ProcessKey): boolean => {
    const sent = signalProcess(key, 'SIGSTOP');
    if (sent === 'sent') reached.add(key.pid);
    if (sent === 'not_permitted') denied.add(key.pid);
    return sent === 'sent';
  };
  const stopGroups = (found: readonly ProcessStat[]): void => {
    for (const leader of tree.leadersOf(found)) {
      for (const outsider of tree.outsidersOf(leader.pid)) outsiders.set(outsider.pid, outsider);
      stopGroup(leader);
    }
  };
  const holdRounds = async (): Promise<boolean> => {
    for (let round = 0; ; round += 1) {
      // Asked before the look: what halts during it may have forked after its children were read.
      const allHalted = tree.known.every((key) => denied.has(key.pid) || hasHalted(key));
      const found = tree.discover();
      if (found.length >= BURST) stopGroups(found);
      for (const process of found) {
        if (stop(process) && process.state !== 'T') stopped.push(process);
      }
      if (found.length === 0 && allHalted) return true;
      if (options.clock.monotonic() > deadline || round >= MAX_ROUNDS) return false;
      if (found.length === 0) {
        // Somebody continued it, or the stop is still on its way.
        for (const key of tree.known) if (!denied.has(key.pid) && !hasHalted(key)) stop(key);
        await pause(options.clock);
      } else if (round % 8 === 7) {
        // A fork bomb must not keep the agent from its other work.
        await pause(options.clock);
      }
    }
  };
  const isComplete = await holdRounds();
  // Others may share the group: the other end of a pipeline, say.
  for (const outsider of outsiders.values()) if (!tree.has(outsider)) signalProcess(outsider, 'SIGCONT');
  return { stopped, reached, denied, isComplete };
}

function resultOf(tree: TreeWalk, { stopped, reached, denied, isComplete }: Hold): TreeResult {
  const processes = reached.size;
  const left = tree.spared > 0 ? `${tree.spared} protected processes were left alone` : undefined;
  const detail = left === undefined ? {} : { detail: left };
  if (tree.isOverfull) return { code: 'cap_reached', processes, stopped, ...detail };
  if (denied.size > 0) return { code: 'not_permitted', processes, stopped, ...detail };
  if (!isComplete)
    return { code: 'interrupted', detail: 'the tree kept growing or would not halt', processes, stopped };
  if (tree.isRootUnverified) return { ...UNVERIFIED, processes, stopped };
  if (processes > 0) return { code: 'done', processes, stopped, ...detail };
  return { code: tree.spared > 0 ? 'protected_process' : 'process_gone', processes, stopped, ...detail };
}

function hasHalted(key: ProcessKey): boolean {
  const now = readProcessStat(key.pid);
  return now === undefined || now.startTicks !== key.startTicks || isHalted(now);
}

function isRunning(key: ProcessKey): boolean {
  const now = readProcessStat(key.pid);
  return now !== undefined && now.startTicks === key.startTicks && isAlive(now);
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(PAUSE_MS, resolve));
}
