import type { ActionCode } from '@yagura/protocol';
import { errnoName } from '../native/libc.ts';
import { systemCode } from '../platform/durable-file.ts';
import { storeFailure } from '../store/sqlite.ts';

/** Why an action, or a step of one, did not happen. `detail` is for people and never parsed. */
export interface Refusal {
  readonly ok: false;
  readonly code: ActionCode;
  readonly detail?: string;
}

export type Result<Value> = { readonly ok: true; readonly value: Value } | Refusal;

export function refuse(code: ActionCode, detail?: string): Refusal {
  return { ok: false, code, ...(detail === undefined ? {} : { detail }) };
}

export function succeed<Value>(value: Value): Result<Value> {
  return { ok: true, value };
}

const CODES: Readonly<Record<string, ActionCode>> = {
  ENOENT: 'not_found',
  EACCES: 'not_permitted',
  EPERM: 'not_permitted',
  EROFS: 'not_permitted',
  ENOSPC: 'no_space',
  EDQUOT: 'no_space',
  EFBIG: 'file_too_large',
  ELOOP: 'path_unsafe',
  ENOTDIR: 'path_unsafe',
  ENAMETOOLONG: 'path_unsafe',
  EEXIST: 'target_exists',
  ESRCH: 'process_gone',
  ENOSYS: 'unsupported',
  EOPNOTSUPP: 'unsupported',
};

/** The refusal for a system call's `-errno`; `step` says what was tried, such as `open`. */
export function refusalOfErrno(result: number, step: string): Refusal {
  const name = errnoName(result);
  return refuse(CODES[name] ?? 'io_error', `${step}: ${name}`);
}

/**
 * The refusal for an error that Node or the store threw because the system failed. Throws on everything else:
 * that is a bug.
 */
export function refusalOfError(error: unknown, step: string): Refusal {
  const failure = storeFailure(error);
  if (failure !== undefined) return refuse(failure === 'disk_full' ? 'no_space' : 'io_error', `${step}: ${failure}`);
  const name = systemCode(error);
  if (name === undefined || !(error instanceof Error) || !('syscall' in error)) throw error;
  return refuse(CODES[name] ?? 'io_error', `${step}: ${name}`);
}
