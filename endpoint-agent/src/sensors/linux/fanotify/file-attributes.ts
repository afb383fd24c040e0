import { fstatSync, type Stats } from 'node:fs';
import type { EventFields } from '@yagura/protocol';
import { libc } from '../../../native/libc.ts';
import { pathOfDescriptor } from '../native/openat2.ts';

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
 * The attributes that an open file (O_PATH) has now: what a change made of them, since the kernel tells neither which
 * ones changed nor what they were. Undefined when it cannot be asked.
 */
export function readAttributes(fd: number, userName: (uid: number) => string): FileAttributes | undefined {
  let stats: Stats;
  try {
    stats = fstatSync(fd);
  } catch {
    return undefined; // The medium failed or went away.
  }
  const isRunnable = stats.isFile() && (stats.mode & ANY_EXECUTE) !== 0;
  const setsUser = stats.isFile() && (stats.mode & SET_USER_ID) !== 0;
  const setsGroup = stats.isFile() && (stats.mode & SET_GROUP_ID) !== 0 && (stats.mode & GROUP_EXECUTE) !== 0;
  const hasCapabilities =
    isRunnable && libc().getxattr(pathOfDescriptor(fd), 'security.capability', Buffer.alloc(XATTR_BYTES)) > 0;
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
