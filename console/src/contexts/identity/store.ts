import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import type { Actor } from './api.ts';
import type { SessionTimes } from './domain/session-lifetime.ts';

export interface StoredSession extends SessionTimes {
  readonly sessionHash: string;
  readonly actor: Actor;
}

/** The session of a hash, with the user's present role. Hashes are unguessable and carry the tenant. */
export async function findSession(db: Kysely<Tables>, sessionHash: string): Promise<StoredSession | undefined> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('users', (join) =>
      join.onRef('users.tenant_id', '=', 'sessions.tenant_id').onRef('users.user_id', '=', 'sessions.user_id'),
    )
    .select([
      'sessions.session_hash',
      'sessions.tenant_id',
      'sessions.user_id',
      'sessions.created_at',
      'sessions.last_seen_at',
      'users.name',
      'users.role',
    ])
    .where('sessions.session_hash', '=', sessionHash)
    .executeTakeFirst();
  return (
    row && {
      sessionHash: row.session_hash,
      createdAt: row.created_at,
      lastSeenAt: row.last_seen_at,
      actor: { tenantId: row.tenant_id, userId: row.user_id, name: row.name, role: row.role },
    }
  );
}

export async function readUsers(db: Kysely<Tables>, tenantId: string): Promise<Actor[]> {
  const rows = await db
    .selectFrom('users')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('created_at')
    .orderBy('user_id')
    .execute();
  return rows.map((row) => ({ tenantId: row.tenant_id, userId: row.user_id, name: row.name, role: row.role }));
}

export async function findUserByName(db: Kysely<Tables>, tenantId: string, name: string): Promise<Actor | undefined> {
  return (await readUsers(db, tenantId)).find((user) => user.name === name);
}
