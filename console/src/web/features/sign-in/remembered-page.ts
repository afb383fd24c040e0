import { safeReturnPath } from './return-path.ts';

const STORED = 'yagura-return';
/** Longer than a link is good for: it may be made a while after the page asked for one. */
export const REMEMBERED_MS = 60 * 60_000;

/**
 * Remembers where a person was when a new link was asked for: the link opens in another tab, which knows
 * nothing of this one. `now` in milliseconds since the epoch.
 */
export function rememberPage(path: string, now: number): void {
  try {
    localStorage.setItem(STORED, JSON.stringify({ path, at: now }));
  } catch {
    // Without storage the link leads home.
  }
}

/** The remembered path, once; undefined when there is none, or none of the last hour. */
export function takeRememberedPage(now: number): string | undefined {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? 'null');
    localStorage.removeItem(STORED);
    if (typeof stored !== 'object' || stored === null || !('path' in stored) || !('at' in stored)) return undefined;
    const { path, at } = stored;
    if (typeof path !== 'string' || typeof at !== 'number' || Math.abs(now - at) > REMEMBERED_MS) return undefined;
    return safeReturnPath(path);
  } catch {
    return undefined;
  }
}
