import { lstatSync } from 'node:fs';
import type { EventFields } from '@yagura/protocol';
import { libc } from '../../../native/libc.ts';
import { decodePath } from '../../../native/path-bytes.ts';

export interface FileAttributes {
  readonly fields: EventFields;
  /** Runs as its owner or group, or with capabilities, whoever starts it. */
  readonly grantsRights: boolean;
}

const SET_USER_ID = 0o4000;
const SET_GROUP_ID = 0o2000;
/** Without it the bit means nothing for running (and marked mandatory locks in old kernels). */
const GROUP_EXECUTE = 0o010;
const ANY_EXECUTE = 0o111;
const XATTR_BYTES = 64;

/**
 * The attributes that a file has now: what a change made of them, since the kernel tells neither which ones
 * changed nor what they were. Follows no link. Undefined when nothing is there, or nothing that can be asked.
 */
export function readAttributes(path: string, userName: (uid: number) => string): FileAttributes | undefined {
  const bytes = decodePath(path);
  let stats: ReturnType<typeof lstatSync>;
  try {
    stats = lstatSync(bytes);
  } catch {
    return undefined; // Gone again, or a component is no directory any more.
  }
  const isRunnable = stats.isFile() && (stats.mode & ANY_EXECUTE) !== 0;
  const setsUser = stats.isFile() && (stats.mode & SET_USER_ID) !== 0;
  const setsGroup = stats.isFile() && (stats.mode & SET_GROUP_ID) !== 0 && (stats.mode & GROUP_EXECUTE) !== 0;
  const hasCapabilities = isRunnable && libc().getxattr(bytes, 'security.capability', Buffer.alloc(XATTR_BYTES)) > 0;
  const modified = new Date(stats.mtimeMs);
  return {
    grantsRights: setsUser || setsGroup || hasCapabilities,
    fields: {
      FileMode: (stats.mode & 0o7777).toString(8).padStart(4, '0'),
      FileOwner: userName(stats.uid),
      ...(setsUser ? { IsSetUserId: true } : {}),
      ...(setsGroup ? { IsSetGroupId: true } : {}),
      ...(hasCapabilities ? { HasFileCapabilities: true } : {}),
      // A time that somebody set far away is none.
      ...(Number.isNaN(modified.getTime()) ? {} : { LastWriteTime: modified.toISOString() }),
    },
  };
}
