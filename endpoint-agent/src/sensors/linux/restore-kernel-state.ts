import { readFileIfPresent } from '../../platform/durable-file.ts';
import { openAuditControl } from './audit/control.ts';
import { type RestoreOutcome, restoreSettings } from './audit/kernel-state.ts';

/**
 * Puts back what an agent that ended abnormally left in the kernel: removes exactly our audit rules and
 * restores the settings saved in `stateFile`. For the launcher, the service manager and the next start.
 * fanotify groups, netlink sockets and the audit daemon's registration end with the process by themselves.
 *
 * Synchronous, safe to call at any time and again; without a state file nothing is touched. Never throws
 * for the kernel's refusal: `ok` is false and `error` holds `-errno`.
 */
export function restoreKernelState(stateFile: string): RestoreOutcome {
  const nothing: RestoreOutcome = { ok: true, rulesRemoved: 0, settingsRestored: 0 };
  if (process.platform !== 'linux' || readFileIfPresent(stateFile) === undefined) return nothing;
  const control = openAuditControl();
  if (typeof control === 'number') return { ...nothing, ok: false, error: control };
  try {
    return restoreSettings(control, stateFile);
  } finally {
    control[Symbol.dispose]();
  }
}
