import { createHash, createHmac, createPublicKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import {
  type Answer,
  type ApproverCode,
  type ApproverRecord,
  ApproverRole,
  accepted,
  type RegisteredApprover,
  refused,
} from './messages.ts';
import { SIGNER_LIMITS } from './policy.ts';
import type { SignerEnvironment } from './state.ts';

export interface Approver {
  readonly approverKeyId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly role: ApproverRole;
  readonly key: KeyObject;
  readonly revoked: boolean;
}

export interface RegisterApprover {
  readonly tenantId: string;
  readonly userId: string;
  readonly publicKey: string;
  readonly mac: string;
}

/**
 * Who may approve orders. A code is made on the operator's socket and reaches the person past the console's
 * web process, in the fragment of the sign-in link; the browser proves with it that a key is that person's.
 */
export interface Approvers {
  createCode(tenantId: string, userId: string, role: ApproverRole): ApproverCode;
  /**
   * Registers a browser's key. The code is used up by it, and tenant, user and role are the code's, whatever
   * the message says: the two ids in the message only find the code.
   */
  register(
    request: RegisterApprover,
  ): Answer<RegisteredApprover, 'approver_code_invalid' | 'approver_key_invalid' | 'approver_limit'>;
  revoke(approverKeyId: string): Answer<{ approverKeyId: string }, 'approver_unknown'>;
  list(tenantId?: string): ApproverRecord[];
  activeKeyIds(tenantId: string, userId: string): string[];
  find(approverKeyId: string): Approver | undefined;
}

/** The id of a key is made of the key itself, so that no two keys can ever share one. */
export function approverKeyIdOf(spki: Uint8Array): string {
  return `apk_${createHash('sha256').update(spki).digest('base64url')}`;
}

export function createApprovers(environment: SignerEnvironment): Approvers {
  return new StoredApprovers(environment);
}

class StoredApprovers implements Approvers {
  readonly #environment: SignerEnvironment;
  constructor(environment: SignerEnvironment) {
    this.#environment = environment;
  }

  createCode(tenantId: string, userId: string, role: ApproverRole): ApproverCode {
    const { state, random, clock } = this.#environment;
    const code = random.bytes(32);
    const now = clock.now();
    const expiresAt = now + SIGNER_LIMITS.approverCodeLifetimeMs;
    state.transaction(() => {
      state.db.prepare('DELETE FROM approver_codes WHERE expires_at <= ?').run(now);
      state.db
        .prepare(
          `INSERT INTO approver_codes (code, tenant_id, user_id, role, created_at, expires_at)
           VALUES (?, ?, ?, ?, ?, ?)`,
        )
        .run(code, tenantId, userId, role, now, expiresAt);
      state.db
        .prepare(
          `DELETE FROM approver_codes WHERE tenant_id = ?1 AND user_id = ?2 AND code NOT IN (
             SELECT code FROM approver_codes WHERE tenant_id = ?1 AND user_id = ?2
             ORDER BY created_at DESC, rowid DESC LIMIT ?3)`,
        )
        .run(tenantId, userId, SIGNER_LIMITS.openCodesPerUser);
    });
    return { code: code.toString('base64url'), expiresAt };
  }

  register(
    request: RegisterApprover,
  ): Answer<RegisteredApprover, 'approver_code_invalid' | 'approver_key_invalid' | 'approver_limit'> {
    const { state, clock } = this.#environment;
    const spki = Buffer.from(request.publicKey, 'base64');
    const mac = Buffer.from(request.mac, 'base64');
    const now = clock.now();
    if (publicKeyOf(spki) === undefined) {
      return refused('approver_key_invalid', 'the public key is not the SPKI of a P-256 key');
    }
    return state.transaction(() => {
      const open = state.db
        .prepare(
          `SELECT code, tenant_id, user_id, role FROM approver_codes
           WHERE tenant_id = ? AND user_id = ? AND expires_at > ?`,
        )
        .all(request.tenantId, request.userId, now);
      const match = open.find((row) => macMatches(Buffer.from(row['code'] as Uint8Array), spki, mac));
      if (match === undefined) return refused('approver_code_invalid', 'no open approver code fits this key');
      const tenantId = String(match['tenant_id']);
      const userId = String(match['user_id']);
      const role = ApproverRole.parse(match['role']);
      if (this.activeKeyIds(tenantId, userId).length >= SIGNER_LIMITS.keysPerUser) {
        return refused('approver_limit', 'this person has too many registered browsers: revoke some');
      }
      const approverKeyId = approverKeyIdOf(spki);
      if (this.find(approverKeyId) !== undefined) {
        // A revoked key stays revoked, and a registered one belongs to whoever registered it.
        return refused('approver_key_invalid', 'this key was registered before');
      }
      state.db.prepare('DELETE FROM approver_codes WHERE code = ?').run(match['code'] as Uint8Array);
      state.db
        .prepare(
          `INSERT INTO approver_keys (approver_key_id, tenant_id, user_id, role, spki, registered_at)
           VALUES (?, ?, ?, ?, ?, ?)`,
        )
        .run(approverKeyId, tenantId, userId, role, spki, now);
      return accepted({ approverKeyId, role });
    });
  }

  revoke(approverKeyId: string): Answer<{ approverKeyId: string }, 'approver_unknown'> {
    const { state, clock } = this.#environment;
    const { changes } = state.db
      .prepare('UPDATE approver_keys SET revoked_at = coalesce(revoked_at, ?) WHERE approver_key_id = ?')
      .run(clock.now(), approverKeyId);
    return changes === 0 ? refused('approver_unknown', 'no such approver key') : accepted({ approverKeyId });
  }

  list(tenantId?: string): ApproverRecord[] {
    const rows = this.#environment.state.db
      .prepare(
        `SELECT approver_key_id, tenant_id, user_id, role, registered_at, revoked_at FROM approver_keys
         WHERE ?1 IS NULL OR tenant_id = ?1 ORDER BY registered_at, approver_key_id`,
      )
      .all(tenantId ?? null);
    return rows.map(recordOf);
  }

  activeKeyIds(tenantId: string, userId: string): string[] {
    return this.#environment.state.db
      .prepare(
        `SELECT approver_key_id FROM approver_keys
         WHERE tenant_id = ? AND user_id = ? AND revoked_at IS NULL ORDER BY registered_at, approver_key_id`,
      )
      .all(tenantId, userId)
      .map((row) => String(row['approver_key_id']));
  }

  find(approverKeyId: string): Approver | undefined {
    const row = this.#environment.state.db
      .prepare('SELECT tenant_id, user_id, role, spki, revoked_at FROM approver_keys WHERE approver_key_id = ?')
      .get(approverKeyId);
    if (row === undefined) return undefined;
    const key = publicKeyOf(row['spki'] as Uint8Array);
    if (key === undefined) throw new Error(`stored key ${approverKeyId} cannot be read`);
    return {
      approverKeyId,
      tenantId: String(row['tenant_id']),
      userId: String(row['user_id']),
      role: ApproverRole.parse(row['role']),
      key,
      revoked: row['revoked_at'] !== null,
    };
  }
}

function recordOf(row: Record<string, unknown>): ApproverRecord {
  const record = {
    approverKeyId: String(row['approver_key_id']),
    tenantId: String(row['tenant_id']),
    userId: String(row['user_id']),
    role: ApproverRole.parse(row['role']),
    registeredAt: Number(row['registered_at']),
  };
  return row['revoked_at'] === null ? record : { ...record, revokedAt: Number(row['revoked_at']) };
}

/** The key if `spki` is DER of a P-256 public key in its one canonical form. */
function publicKeyOf(spki: Uint8Array): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined;
    // Other spellings of the same key (compressed points, trailing bytes) would get ids of their own.
    return key.export({ format: 'der', type: 'spki' }).equals(spki) ? key : undefined;
  } catch {
    return undefined;
  }
}

function macMatches(code: Buffer, spki: Buffer, mac: Buffer): boolean {
  const expected = createHmac('sha256', code).update(spki).digest();
  return mac.length === expected.length && timingSafeEqual(mac, expected);
}
