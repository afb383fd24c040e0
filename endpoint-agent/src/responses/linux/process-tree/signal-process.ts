import { constants } from 'node:os';
import { livePath } from '../../../core/process/system-roles.ts';
import { errnoName, libc } from '../../../native/libc.ts';
import type { ProcessTarget } from '../../responder.ts';
import { isAlive, type ProcessStat, readExecutable, readProcessStat } from './process-stat.ts';

export type TreeSignal = 'SIGSTOP' | 'SIGKILL' | 'SIGCONT';
export type SignalResult = 'sent' | 'gone' | 'not_permitted';

/** What names one process for good on this boot. */
export type ProcessKey = Pick<ProcessStat, 'pid' | 'startTicks'>;

/**
 * Signals exactly the process that is named: the descriptor is opened first and the start time compared
 * after, so that a pid that was given to another process in between is never hit.
 */
export function signalProcess(key: ProcessKey, signal: TreeSignal): SignalResult {
  const pidfd = libc().pidfdOpen(key.pid);
  if (pidfd < 0) return errnoName(pidfd) === 'EPERM' ? 'not_permitted' : 'gone';
  try {
    const stat = readProcessStat(key.pid);
    if (stat === undefined || stat.startTicks !== key.startTicks || !isAlive(stat)) return 'gone';
    const sent = libc().pidfdSendSignal(pidfd, constants.signals[signal]);
    if (sent >= 0) return 'sent';
    return errnoName(sent) === 'EPERM' ? 'not_permitted' : 'gone';
  } finally {
    libc().close(pidfd);
  }
}

const PIDFD_SIGNAL_PROCESS_GROUP = 4;

/**
 * Stops every process of the group that `leader` made, children included that are being forked at this moment.
 * False where the kernel cannot (before Linux 6.9) or the leader is gone.
 */
export function stopGroup(leader: ProcessKey): boolean {
  const pidfd = libc().pidfdOpen(leader.pid);
  if (pidfd < 0) return false;
  try {
    if (readProcessStat(leader.pid)?.startTicks !== leader.startTicks) return false;
    return libc().pidfdSendSignal(pidfd, constants.signals.SIGSTOP, PIDFD_SIGNAL_PROCESS_GROUP) >= 0;
  } finally {
    libc().close(pidfd);
  }
}

export type FoundTarget = ProcessStat | 'gone' | 'unverified';

/**
 * The live process that a target names, by its start time, or where nobody saw that by its program. `gone` also
 * when its pid is another's now; `unverified` when a process has the pid and nothing tells whether it is the one.
 */
export function findTarget(target: ProcessTarget): FoundTarget {
  const stat = readProcessStat(target.pid);
  if (stat === undefined || !isAlive(stat)) return 'gone';
  if (target.startTicks !== undefined) return stat.startTicks === target.startTicks ? stat : 'gone';
  const image = readExecutable(target.pid);
  const isSame = image !== undefined && target.image !== undefined && livePath(image) === livePath(target.image);
  // Read again: the program may have been that of a successor.
  return isSame && readProcessStat(target.pid)?.startTicks === stat.startTicks ? stat : 'unverified';
}
