import { join } from 'node:path';
import { AUDIT_STATE_FILE } from '../sensors/linux/index.ts';
import { restoreKernelState } from '../sensors/linux/restore-kernel-state.ts';
import { complain, DEFAULT_STATE_DIR, parseCommand } from './options.ts';

/**
 * `restore-kernel [--state-dir DIR]`: for the launcher and the service manager, after the agent was killed.
 * Removes exactly our audit rules and restores what was set before; without a record it touches nothing.
 */
export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand('restore-kernel [--state-dir DIR]', {
    args: [...argv],
    options: { 'state-dir': { type: 'string', default: DEFAULT_STATE_DIR } },
  });
  if (!parsed.ok) return 2;
  const result = restoreKernelState(join(parsed.value.values['state-dir'], AUDIT_STATE_FILE));
  if (result.ok) {
    if (result.rulesRemoved > 0) process.stdout.write(`removed ${result.rulesRemoved} audit rules\n`);
    return 0;
  }
  complain('kernel_state', `the kernel refused (errno ${-(result.error ?? 0)}); run this as root`);
  return 1;
}
