import { lstat } from 'node:fs/promises';
import { systemCode } from '../../../../native/system-code.ts';
import type { Beginning } from './follow-log.ts';

/**
 * Where to begin with a file of which no position is known. One that was made since positions were last saved
 * is new in whole. One that was there when the agent first came holds a past that is not its business.
 * `savedAt`: milliseconds since the epoch; undefined when nothing was ever saved.
 */
export async function beginningOf(path: string, savedAt: number | undefined, isFirstLook: boolean): Promise<Beginning> {
  if (!isFirstLook) return 'start';
  if (savedAt === undefined) return 'end';
  try {
    const { birthtimeMs } = await lstat(path);
    return birthtimeMs > savedAt ? 'start' : 'end';
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return 'start';
  }
}
