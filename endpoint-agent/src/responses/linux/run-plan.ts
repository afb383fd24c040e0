import { type ActionTarget, LIMITS } from '@yagura/protocol';
import { shorten } from '../../core/text/shorten.ts';
import type { BegunAction } from '../journal/journal.ts';
import { type Plan, STOPPED_REMEMBERED, type TreeKind } from '../journal/plan.ts';
import { refuse } from '../refusal.ts';
import type { ProcessTarget } from '../responder.ts';
import { type ActionResult, type FileAction, type FileParts, failed } from './file-parts.ts';
import { freezeTree, killTree, releaseTree, type TreeOptions, type TreeResult } from './process-tree/act-on-tree.ts';
import { deleteQuarantined } from './quarantine/delete-quarantined.ts';
import { quarantineFile } from './quarantine/quarantine-file.ts';
import { reconcileQuarantine, reconcileRestore } from './quarantine/reconcile-files.ts';
import { restoreFile } from './quarantine/restore-file.ts';

export interface TreeParts {
  /** Processes of the agent beside itself, asked anew for each action. */
  readonly companions: () => readonly number[];
  readonly bootId: string;
}

export type Parts = FileParts & TreeParts;

/** Has the effect that the plan describes. The plan is durable by now. */
export function runPlan(plan: Plan, action: FileAction, parts: Parts): Promise<ActionResult> {
  switch (plan.kind) {
    case 'freeze-tree':
    case 'kill-tree':
    case 'release-tree':
      return actOnTree(plan, action, parts);
    case 'quarantine-file':
      return quarantineFile(plan, action, parts);
    case 'restore-file':
      return restoreFile(plan, action, parts);
    case 'delete-quarantined':
      return Promise.resolve(deleteQuarantined(plan, parts));
  }
}

/** Finishes or undoes what a former run had begun. */
export function recoverPlan({ plan, context, bootId }: BegunAction, parts: Parts): Promise<ActionResult> {
  switch (plan.kind) {
    case 'freeze-tree':
    case 'kill-tree':
    case 'release-tree': {
      if (bootId !== parts.bootId) {
        const gone = refuse('interrupted', 'the machine was restarted meanwhile; its processes are gone');
        return Promise.resolve(failed(gone, treeTarget(plan.root)));
      }
      return actOnTree(plan, { context }, parts);
    }
    case 'quarantine-file':
      return reconcileQuarantine(plan, parts);
    case 'restore-file':
      return reconcileRestore(plan, parts);
    case 'delete-quarantined':
      return Promise.resolve(deleteQuarantined(plan, parts));
  }
}

async function actOnTree(
  plan: Extract<Plan, { kind: TreeKind }>,
  { context }: Pick<FileAction, 'context'>,
  parts: Parts,
): Promise<ActionResult> {
  const options: TreeOptions = {
    root: targetOf(plan.root),
    members: plan.members.map(targetOf),
    selfPid: parts.selfPid,
    companions: new Set(parts.companions()),
    maxProcesses: parts.limits.maxTreeProcesses,
    clock: parts.clock,
    deadlineMs: parts.limits.treeDeadlineMs,
  };
  const result = await actions[plan.kind](options, context.storyId, parts);
  return {
    code: result.code,
    ...(result.detail === undefined ? {} : { detail: result.detail }),
    target: treeTarget(plan.root),
    processes: result.processes,
    plan: {
      ...plan,
      stopped: result.stopped.slice(0, STOPPED_REMEMBERED).map(({ pid, startTicks }) => ({ pid, startTicks })),
    },
  };
}

const actions: Record<
  TreeKind,
  (options: TreeOptions, storyId: string | undefined, parts: Parts) => Promise<TreeResult>
> = {
  'freeze-tree': freezeTree,
  'kill-tree': killTree,
  'release-tree': (options, storyId, parts) => {
    // Orphans of the tree may be found by nothing but what the freeze remembers.
    const plans = storyId === undefined ? [] : parts.journal.treePlans(storyId);
    const freezes = plans.flatMap((plan) => (plan.kind === 'freeze-tree' ? [plan] : []));
    const same = freezes.filter(({ root }) => {
      return root.pid === options.root.pid && root.startTicks === options.root.startTicks;
    });
    return releaseTree(
      options,
      same.flatMap(({ stopped }) => stopped ?? []),
    );
  },
};

function targetOf({ entityId, pid, startTicks, image }: Extract<Plan, { kind: TreeKind }>['root']): ProcessTarget {
  return {
    entityId,
    pid,
    ...(startTicks === undefined ? {} : { startTicks }),
    ...(image === undefined ? {} : { image }),
  };
}

function treeTarget({ entityId, pid, image }: Extract<Plan, { kind: TreeKind }>['root']): ActionTarget {
  return { entityId, pid, ...(image === undefined ? {} : { image: shorten(image, LIMITS.path) }) };
}
