import { constants } from 'node:os';
import { errnoName, libc } from '../../../native/libc.ts';
import { livePath } from '../../../core/process/system-roles.ts';
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

/**
 * The live process that a target names, by its start time, or where nobody saw that by its program. Undefined
 * when it is gone, when its pid is another's now, and when nothing tells which.
 */
export function findTarget(target: ProcessTarget): ProcessStat | undefined {
  const stat = readProcessStat(target.pid);
  if (stat === undefined || !isAlive(stat)) return undefined;
  if (target.startTicks !== undefined) return stat.startTicks === target.startTicks ? stat : undefined;
  if (target.image === undefined) return undefined;
  const image = readExecutable(target.pid);
  if (image === undefined || livePath(image) !== livePath(target.image)) return undefined;
  // Read again: the program may have been that of a successor.
  return readProcessStat(target.pid)?.startTicks === stat.startTicks ? stat : undefined;
}
