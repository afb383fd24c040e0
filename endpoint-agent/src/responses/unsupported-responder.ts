import type { ActionKind, ActionOutcome, ActionTarget } from '@yagura/protocol';
import type { Clock } from '../platform/clock.ts';
import type { ActionContext, ProcessTarget, Responder } from './responder.ts';

/** For systems on which nothing can be acted on yet: says so for every action, and does nothing. */
export function createUnsupportedResponder(clock: Clock): Responder {
  const outcome = (kind: ActionKind, context: ActionContext, target: ActionTarget): Promise<ActionOutcome> => {
    const now = clock.now();
    return Promise.resolve({ ...context, kind, target, ok: false, code: 'unsupported', startedAt: now, endedAt: now });
  };
  const ofTree = ({ entityId, pid }: ProcessTarget): ActionTarget => ({ entityId, pid });
  return {
    freezeTree: (root, _members, context) => outcome('freeze-tree', context, ofTree(root)),
    killTree: (root, _members, context) => outcome('kill-tree', context, ofTree(root)),
    releaseTree: (root, _members, context) => outcome('release-tree', context, ofTree(root)),
    quarantineFile: (path, _expected, context) => outcome('quarantine-file', context, { path }),
    restoreFile: (quarantineId, context) => outcome('restore-file', context, { quarantineId }),
    deleteQuarantined: (quarantineId, context) => outcome('delete-quarantined', context, { quarantineId }),
    listQuarantine: () => Promise.resolve([]),
    reconcile: () => Promise.resolve([]),
    takeLocalOutcomes: () => Promise.resolve([]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
