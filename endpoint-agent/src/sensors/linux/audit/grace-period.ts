import { readFileSync, writeFileSync } from 'node:fs';

const EXPEDITED = '/sys/kernel/rcu_expedited';

/**
 * Runs `work` while the kernel waits for its readers in a hurry (RCU, `rcu_expedited`): since Linux 6 it does so
 * for every audit rule that is taken out, 10 ms each on an idle machine and a quarter of a second on a busy one,
 * which made the agent's end last for ten seconds; in a hurry it is a tenth of a millisecond. A machine on which
 * it is set already, or cannot be set (a container), is left as it is. Somebody who is killed within these
 * milliseconds leaves the setting behind: it costs short interrupts and changes nothing else.
 */
export function withoutGracePeriods<Result>(work: () => Result, file = EXPEDITED): Result {
  const isSet = set(file, '0', '1');
  try {
    return work();
  } finally {
    if (isSet) set(file, '1', '0');
  }
}

/** True when the file held `from` and holds `to` now. */
function set(file: string, from: string, to: string): boolean {
  try {
    if (readFileSync(file, 'latin1').trim() !== from) return false;
    writeFileSync(file, to);
    return true;
  } catch {
    return false; // A kernel without it, or a read-only /sys.
  }
}
