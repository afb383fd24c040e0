import { readlinkSync } from 'node:fs';

/** What a live process reads from, by its descriptor 0; nothing when that cannot be seen. */
export function standardInputOf(pid: number): 'socket' | 'terminal' | 'pipe' | 'file' | undefined {
  let target: string;
  try {
    target = readlinkSync(`/proc/${pid}/fd/0`);
  } catch {
    return undefined;
  }
  if (target.startsWith('socket:')) return 'socket';
  if (target.startsWith('pipe:')) return 'pipe';
  if (/^\/dev\/(pts\/|tty|console)/.test(target)) return 'terminal';
  return target.startsWith('/') ? 'file' : undefined;
}
