import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';

/** Marks the file as ours ("YGSG"), so that another database is never taken for the signer's state. */
const APPLICATION_ID = 0x59475347;

const FIRST_SCHEMA = `
CREATE TABLE key_material (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE endpoints (
  endpoint_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  counter INTEGER NOT NULL DEFAULT 0,
  first_certified_at INTEGER NOT NULL
) STRICT;
CREATE TABLE certificates (
  serial TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  tenant_id TEXT,
  endpoint_id TEXT,
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX certificates_expiry ON certificates (expires_at);
CREATE TABLE approver_codes (
  code BLOB PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX approver_codes_user ON approver_codes (tenant_id, user_id, created_at);
CREATE TABLE approver_keys (
  approver_key_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  role TEXT NOT NULL,
  spki BLOB NOT NULL,
  registered_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;
CREATE INDEX approver_keys_user ON approver_keys (tenant_id, user_id);
CREATE TABLE orders (
  approval_id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL UNIQUE,
  tenant_id TEXT NOT NULL,
  endpoint_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  approver_key_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  counter INTEGER NOT NULL,
  issued_at INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_rate ON orders (tenant_id, kind, issued_at);
CREATE INDEX orders_age ON orders (issued_at);
`;

/** What people approved for whole tenants. The newest of a subject holds; the others are the record. */
const STANDING_ORDERS = `
CREATE TABLE standing_orders (
  standing_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  version INTEGER NOT NULL,
  action_json TEXT NOT NULL,
  approver_key_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX standing_orders_subject ON standing_orders (tenant_id, subject);
CREATE INDEX orders_endpoint ON orders (endpoint_id, approval_id);
`;

/** Each brings the state one version further. */
const SCHEMAS = [FIRST_SCHEMA, STANDING_ORDERS] as const;
const SCHEMA_VERSION = SCHEMAS.length;

export type StateFailure = 'state_in_use' | 'state_damaged' | 'state_newer' | 'state_unwritable';

/** The state directory cannot be used; the message says what to do about it in one line. */
export class StateError extends Error {
  readonly code: StateFailure;
  constructor(code: StateFailure, message: string) {
    super(message);
    this.name = 'StateError';
    this.code = code;
  }
}

/** The signer's durable state: every commit is on the disk before the call returns. */
export interface SignerState extends Disposable {
  readonly db: DatabaseSync;
  /** Runs `work` in one transaction; an exception rolls everything back and is passed on. */
  transaction<T>(work: () => T): T;
}

/** What every part of the signer works with. */
export interface SignerEnvironment {
  readonly state: SignerState;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Opens or creates `DIR/signer.db` (directory 0700, file 0600). The exclusive lock is held for the life of
 * the process: a second signer on the same state fails with `state_in_use`, so that no counter is ever given
 * out twice. Throws `StateError`.
 */
export function openSignerState(directory: string): SignerState {
  const file = join(directory, 'signer.db');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
    closeSync(openSync(file, 'a', 0o600));
  } catch (error) {
    throw new StateError('state_unwritable', `cannot write to ${directory}: ${messageOf(error)}`);
  }
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file);
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    // Takes the lock now instead of at the first write.
    db.exec('BEGIN IMMEDIATE');
    migrate(db, file);
    db.exec('COMMIT');
  } catch (error) {
    db?.close();
    throw stateError(error, file);
  }
  return new OpenState(db);
}

class OpenState implements SignerState {
  readonly db: DatabaseSync;
  constructor(db: DatabaseSync) {
    this.db = db;
  }
  transaction<T>(work: () => T): T {
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }
  [Symbol.dispose](): void {
    this.db.close();
  }
}

function migrate(db: DatabaseSync, file: string): void {
  const version = pragma(db, 'user_version');
  const application = pragma(db, 'application_id');
  const isNew = version === 0 && application === 0 && tableCount(db) === 0;
  if (!isNew) checkState(db, file, { version, application });
  for (const schema of SCHEMAS.slice(version)) db.exec(schema);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
}

/** Throws `StateError` when the file is not ours, newer or damaged: then nothing may be written to it. */
function checkState(
  db: DatabaseSync,
  file: string,
  { version, application }: { readonly version: number; readonly application: number },
): void {
  if (application !== APPLICATION_ID) throw new StateError('state_damaged', `${file} is not a signer's state`);
  if (version > SCHEMA_VERSION) {
    throw new StateError('state_newer', `${file} was written by a newer version (${version} > ${SCHEMA_VERSION})`);
  }
  const check = db.prepare('PRAGMA quick_check(1)').get();
  if (check?.['quick_check'] !== 'ok') {
    throw new StateError('state_damaged', `${file} is damaged: restore it from a backup`);
  }
}

function pragma(db: DatabaseSync, name: string): number {
  const value = db.prepare(`PRAGMA ${name}`).get()?.[name];
  return typeof value === 'number' ? value : 0;
}

function tableCount(db: DatabaseSync): number {
  return Number(db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.['tables']);
}

function stateError(error: unknown, file: string): StateError {
  if (error instanceof StateError) return error;
  const sqlite = typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (sqlite === SQLITE.busy) return new StateError('state_in_use', `${file} is in use by another signer`);
  if (sqlite === SQLITE.corrupt || sqlite === SQLITE.notADatabase) {
    return new StateError('state_damaged', `${file} is damaged: restore it from a backup`);
  }
  return new StateError('state_unwritable', `cannot open ${file}: ${messageOf(error)}`);
}

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html). */
const SQLITE = { busy: 5, corrupt: 11, notADatabase: 26 } as const;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
