import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import { fail, signerFailure, succeed } from '../../platform/http-errors.ts';
import { hashSecret, newId, newSecret, type Random } from '../../platform/random.ts';
import type { SignerClient } from '../../signer/client.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { Audit } from '../audit/api.ts';
import type { ActiveSession, Actor, Identity } from './api.ts';
import {
  isSessionGood,
  LAST_SEEN_STEP_MS,
  LINK_LIFETIME_MS,
  MAX_SESSIONS_PER_USER,
  sessionEnd,
} from './domain/session-lifetime.ts';
import { findSession, findUserByName, readUsers, type StoredSession } from './store.ts';

export interface IdentityOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly audit: Audit;
  readonly signer: SignerClient;
  readonly consoleVersion: string;
}

export function createIdentity(options: IdentityOptions): Identity {
  const { store, clock, random, bus, audit, signer } = options;

  async function endSession(tx: Tx, tenantId: string, sessionHash: string): Promise<void> {
    await tx.db
      .deleteFrom('sessions')
      .where('tenant_id', '=', tenantId)
      .where('session_hash', '=', sessionHash)
      .execute();
    tx.afterCommit(() => bus.publish({ type: 'session-ended', tenantId, sessionHash }));
  }

  /** Ends what has run out and, of a person with too many sessions, the oldest. */
  async function tidySessions(tx: Tx, actor: Actor, now: number): Promise<void> {
    const sessions = await tx.db
      .selectFrom('sessions')
      .selectAll()
      .where('tenant_id', '=', actor.tenantId)
      .where('user_id', '=', actor.userId)
      .orderBy('created_at', 'desc')
      .execute();
    const good = sessions.filter((row) =>
      isSessionGood({ createdAt: row.created_at, lastSeenAt: row.last_seen_at }, now),
    );
    const kept = new Set(good.slice(0, MAX_SESSIONS_PER_USER).map((row) => row.session_hash));
    for (const row of sessions) {
      if (!kept.has(row.session_hash)) await endSession(tx, row.tenant_id, row.session_hash);
    }
  }

  return {
    async ensureUser(tx, user) {
      const known = await findUserByName(tx.db, user.tenantId, user.name);
      if (known) return known;
      const userId = newId(random, 'usr');
      await tx.db
        .insertInto('users')
        .values({
          tenant_id: user.tenantId,
          user_id: userId,
          name: user.name,
          role: user.role,
          created_at: clock.now(),
        })
        .execute();
      await audit.record(tx, {
        tenantId: user.tenantId,
        actor: 'operator',
        action: 'user.create',
        target: userId,
        detail: `${user.name} (${user.role})`,
      });
      return { tenantId: user.tenantId, userId, name: user.name, role: user.role };
    },

    findUser: (tenantId, name) => findUserByName(store.read, tenantId, name),
    users: (tenantId) => readUsers(store.read, tenantId),

    async createLink(tx, user, createdBy) {
      const now = clock.now();
      const secret = newSecret(random);
      const expiresAt = now + LINK_LIFETIME_MS;
      await tx.db
        .deleteFrom('sign_in_links')
        .where('expires_at', '<', now - 24 * 3_600_000)
        .execute();
      await tx.db
        .insertInto('sign_in_links')
        .values({
          link_hash: hashSecret(secret),
          tenant_id: user.tenantId,
          user_id: user.userId,
          created_at: now,
          expires_at: expiresAt,
          used_at: null,
        })
        .execute();
      await audit.record(tx, {
        tenantId: user.tenantId,
        actor: createdBy,
        action: 'sign-in.link',
        target: user.userId,
        detail: user.name,
      });
      return { secret, expiresAt };
    },

    async signIn(secret, previous) {
      const now = clock.now();
      const linkHash = hashSecret(secret);
      // Asked outside the writer first: wrong guesses must not queue in front of ingest.
      const known = await store.read
        .selectFrom('sign_in_links')
        .select('link_hash')
        .where('link_hash', '=', linkHash)
        .executeTakeFirst();
      if (!known) return fail('link_unknown');
      return store.write(async (tx) => {
        const link = await tx.db
          .selectFrom('sign_in_links')
          .selectAll()
          .where('link_hash', '=', linkHash)
          .executeTakeFirst();
        if (!link) return fail('link_unknown');
        if (link.used_at !== null) return fail('link_used');
        if (link.expires_at <= now) return fail('link_expired');
        await tx.db.updateTable('sign_in_links').set({ used_at: now }).where('link_hash', '=', linkHash).execute();
        const actor = (await readUsers(tx.db, link.tenant_id)).find((user) => user.userId === link.user_id);
        if (!actor) return fail('link_unknown');
        if (previous !== undefined) {
          const old = await findSession(tx.db, hashSecret(previous));
          if (old) await endSession(tx, old.actor.tenantId, old.sessionHash);
        }
        const cookieSecret = newSecret(random);
        const sessionHash = hashSecret(cookieSecret);
        const times = { createdAt: now, lastSeenAt: now };
        await tx.db
          .insertInto('sessions')
          .values({
            session_hash: sessionHash,
            tenant_id: actor.tenantId,
            user_id: actor.userId,
            created_at: now,
            last_seen_at: now,
            expires_at: sessionEnd(times),
          })
          .execute();
        await tidySessions(tx, actor, now);
        await audit.record(tx, {
          tenantId: actor.tenantId,
          actor: actor.name,
          action: 'sign-in',
          target: actor.userId,
        });
        return succeed({
          cookieSecret,
          session: { actor, sessionHash, createdAt: now, expiresAt: sessionEnd(times) },
        });
      });
    },

    async authenticate(cookieSecret, { renew }) {
      const now = clock.now();
      const session = await findSession(store.read, hashSecret(cookieSecret));
      if (!session || !isSessionGood(session, now)) return undefined;
      if (!renew || now - session.lastSeenAt < LAST_SEEN_STEP_MS) return toActive(session);
      const times = { createdAt: session.createdAt, lastSeenAt: now };
      await store.write(async ({ db }) => {
        await db
          .updateTable('sessions')
          .set({ last_seen_at: now, expires_at: sessionEnd(times) })
          .where('tenant_id', '=', session.actor.tenantId)
          .where('session_hash', '=', session.sessionHash)
          .execute();
      });
      return { ...toActive(session), expiresAt: sessionEnd(times) };
    },

    async signOut({ actor, sessionHash }) {
      await store.write(async (tx) => {
        await endSession(tx, actor.tenantId, sessionHash);
        await audit.record(tx, {
          tenantId: actor.tenantId,
          actor: actor.name,
          action: 'sign-out',
          target: actor.userId,
        });
      });
    },

    async describe({ actor, createdAt, expiresAt }) {
      const tenant = await store.read
        .selectFrom('tenants')
        .select('name')
        .where('tenant_id', '=', actor.tenantId)
        .executeTakeFirstOrThrow();
      // A signer that is away knows no keys: the browser then offers no buttons that could not work.
      const keys = await signer.call('approver-keys', { tenantId: actor.tenantId, userId: actor.userId });
      return {
        user: { userId: actor.userId, name: actor.name, role: actor.role },
        tenant: { tenantId: actor.tenantId, name: tenant.name },
        approverKeyIds: keys.ok ? keys.value.approverKeyIds.slice(0, 64) : [],
        consoleVersion: options.consoleVersion,
        signedInAt: createdAt,
        expiresAt,
      };
    },

    async registerApprover(actor, request) {
      const answer = await signer.call('register-approver', {
        tenantId: actor.tenantId,
        userId: actor.userId,
        publicKey: request.publicKey,
        mac: request.mac,
      });
      if (!answer.ok) return signerFailure(answer);
      const { approverKeyId } = answer.value;
      await store.write((tx) =>
        audit.record(tx, {
          tenantId: actor.tenantId,
          actor: actor.name,
          action: 'approver.register',
          target: approverKeyId,
        }),
      );
      return succeed({ approverKeyId });
    },
  };
}

function toActive(session: StoredSession): ActiveSession {
  return {
    actor: session.actor,
    sessionHash: session.sessionHash,
    createdAt: session.createdAt,
    expiresAt: sessionEnd(session),
  };
}
