import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { readFileIfPresent, replaceFileDurably } from '../../../platform/durable-file.ts';
import {
  ENABLED_LOCKED,
  FAILURE_PANIC,
  FAILURE_PRINTK,
  STATUS_BACKLOG_LIMIT,
  STATUS_BACKLOG_WAIT,
  STATUS_ENABLED,
  STATUS_FAILURE,
  STATUS_RATE_LIMIT,
} from './constants.ts';
import type { AuditControl } from './control.ts';
import { withoutGracePeriods } from './grace-period.ts';
import { isOurs } from './rules.ts';
import type { AuditStatus } from './status.ts';

/** The settable members of the kernel's audit status that we change. */
export interface AuditSettings {
  readonly enabled: number;
  readonly failure: number;
  readonly rateLimit: number;
  readonly backlogLimit: number;
  readonly backlogWaitTime: number;
}

/**
 * What the audit subsystem was like before the agent changed it, and what the agent set. It is written
 * durably before the first change and removed after the last value was put back, so that whoever comes
 * after an abnormal end (the next start, the launcher, the service manager) can restore it.
 */
interface SavedState {
  readonly version: 1;
  readonly bootId: string;
  readonly former: AuditSettings;
  readonly applied: AuditSettings;
}

export const BACKLOG_LIMIT = 8192;

/** How to use audit: as its daemon, or beside one that is registered already. */
export type AuditRole = 'daemon' | 'listener';

/**
 * The settings for our role. A process never waits in the kernel for a slow reader (`backlogWaitTime` 0):
 * a counted loss is better than a stopped machine, and this is what makes a stalled or frozen agent
 * harmless without a guardian process. Beside another daemon only the backlog is raised; how long
 * processes wait for that daemon is its owner's decision.
 */
export function settingsFor(role: AuditRole, former: AuditStatus): AuditSettings {
  const backlogLimit = former.backlogLimit === 0 ? 0 : Math.max(former.backlogLimit, BACKLOG_LIMIT);
  if (role === 'listener') return { ...pick(former), enabled: Math.max(former.enabled, 1), backlogLimit };
  return {
    enabled: Math.max(former.enabled, 1),
    // With a panic on loss, a burst of processes could bring the machine down while we read.
    failure: former.failure === FAILURE_PANIC ? FAILURE_PRINTK : former.failure,
    rateLimit: 0,
    backlogLimit,
    backlogWaitTime: 0,
  };
}

function pick({ enabled, failure, rateLimit, backlogLimit, backlogWaitTime }: AuditStatus): AuditSettings {
  return { enabled, failure, rateLimit, backlogLimit, backlogWaitTime };
}

const MEMBERS = [
  ['failure', STATUS_FAILURE],
  ['rateLimit', STATUS_RATE_LIMIT],
  ['backlogLimit', STATUS_BACKLOG_LIMIT],
  ['backlogWaitTime', STATUS_BACKLOG_WAIT],
  ['enabled', STATUS_ENABLED],
] as const satisfies readonly (readonly [keyof AuditSettings, number])[];

/**
 * Saves the former settings and applies ours. A state file of the same boot is kept: it was left by a
 * run that died, and the kernel's present state is what that run made of it. Returns what is in force now, or
 * `-errno`.
 */
export function applySettings(
  control: AuditControl,
  status: AuditStatus,
  role: AuditRole,
  stateFile: string,
): AuditSettings | number {
  const left = readState(stateFile);
  const former = left?.former ?? pick(status);
  const applied = settingsFor(role, { ...status, ...former });
  mkdirSync(dirname(stateFile), { recursive: true, mode: 0o700 });
  const state: SavedState = { version: 1, bootId: bootId(), former, applied };
  replaceFileDurably(stateFile, JSON.stringify(state));
  for (const [member, mask] of MEMBERS) {
    if (status[member] === applied[member] || status.enabled === ENABLED_LOCKED) continue;
    const result = control.set(mask, { [member]: applied[member] });
    if (result < 0) return result;
  }
  return applied;
}

export interface RestoreOutcome {
  /** False when something of ours is still in the kernel; the state file then stays for another try. */
  readonly ok: boolean;
  readonly rulesRemoved: number;
  readonly settingsRestored: number;
  /** `-errno` of the first thing that failed. */
  readonly error?: number;
}

/**
 * Removes exactly our rules and puts back each setting that still has the value we gave it: what somebody
 * else changed since is theirs. Safe to call again.
 */
export function restoreSettings(control: AuditControl, stateFile: string): RestoreOutcome {
  let error: number | undefined;
  const note = (result: number) => {
    if (result < 0 && error === undefined) error = result;
    return result >= 0;
  };
  const rules = control.rules();
  let rulesRemoved = 0;
  if (typeof rules === 'number') note(rules);
  else {
    const ours = rules.filter(isOurs);
    const results = withoutGracePeriods(() => ours.map((rule) => control.deleteRule(rule)));
    rulesRemoved = results.filter((result) => note(tolerateGone(result))).length;
  }

  const state = readState(stateFile);
  let settingsRestored = 0;
  const status = control.status();
  if (typeof status === 'number') note(status);
  else if (state && status.enabled !== ENABLED_LOCKED) {
    for (const [member, mask] of MEMBERS) {
      if (state.former[member] === state.applied[member] || status[member] !== state.applied[member]) continue;
      if (note(control.set(mask, { [member]: state.former[member] }))) settingsRestored += 1;
    }
  }
  if (error === undefined) rmSync(stateFile, { force: true });
  return { ok: error === undefined, rulesRemoved, settingsRestored, ...(error === undefined ? {} : { error }) };
}

const ENOENT = -2;

/** The kernel drops a watch by itself when the watched directory goes. */
function tolerateGone(result: number): number {
  return result === ENOENT ? 0 : result;
}

/** The saved state, unless there is none, it is damaged, or it is of another boot. */
function readState(stateFile: string): SavedState | undefined {
  const text = readFileIfPresent(stateFile);
  if (text === undefined) return undefined;
  try {
    const state: unknown = JSON.parse(text);
    return isSavedState(state) && state.bootId === bootId() ? state : undefined;
  } catch {
    return undefined; // Not JSON: the write is atomic, so somebody else wrote it. Nothing to restore from.
  }
}

/** By hand: the schema library would cost the capture worker more memory than all of its own code. */
function isSavedState(value: unknown): value is SavedState {
  if (typeof value !== 'object' || value === null) return false;
  const state: Partial<Record<keyof SavedState, unknown>> = value;
  return (
    state.version === 1 && typeof state.bootId === 'string' && isSettings(state.former) && isSettings(state.applied)
  );
}

function isSettings(value: unknown): value is AuditSettings {
  if (typeof value !== 'object' || value === null) return false;
  const settings: Partial<Record<keyof AuditSettings, unknown>> = value;
  const { enabled, failure, rateLimit, backlogLimit, backlogWaitTime } = settings;
  return [enabled, failure, rateLimit, backlogLimit, backlogWaitTime].every(
    (member) => typeof member === 'number' && Number.isInteger(member) && member >= 0 && member <= 0xffffffff,
  );
}

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
