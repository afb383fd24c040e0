import { readFileSync, statSync } from 'node:fs';

const RECHECK_MS = 5_000;

/**
 * Names of user ids from /etc/passwd, read again when the file changed (looked at most every five seconds).
 * An id without a name there stays a number, as `ps` shows it.
 */
export function createUserNames(monotonic: () => number, file = '/etc/passwd'): (uid: number) => string {
  let names = new Map<number, string>();
  let version = '';
  let checkedAt = Number.NEGATIVE_INFINITY;

  function refresh(): void {
    checkedAt = monotonic();
    const stats = statSync(file, { throwIfNoEntry: false });
    const current = stats ? `${stats.ino}:${stats.size}:${stats.mtimeMs}` : '';
    if (current === version) return;
    version = current;
    names = stats ? parsePasswd(readFileSync(file, 'utf8')) : new Map();
  }

  return (uid) => {
    if (monotonic() - checkedAt > RECHECK_MS) {
      try {
        refresh();
      } catch {
        // Being replaced at this moment: the names known so far stand until the next look.
      }
    }
    return names.get(uid) ?? String(uid);
  };
}

/** passwd(5): name:password:uid:gid:... The first name of an id stands. */
export function parsePasswd(content: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of content.split('\n')) {
    const [name, , uid] = line.split(':');
    if (name && uid && /^\d{1,10}$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
