import type { RegisterApproverRequest, RegisterApproverResponse, Role, Session } from '../../api/session.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Tx } from '../../store/store.ts';

export { ABSOLUTE_LIFETIME_MS } from './domain/session-lifetime.ts';

/** Who acts, as far as a checked session says. */
export interface Actor {
  readonly tenantId: string;
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
}

/** A session that was checked just now. */
export interface ActiveSession {
  readonly actor: Actor;
  readonly sessionHash: string;
  readonly createdAt: number;
  /** The earlier of idle and absolute end, in console time. */
  readonly expiresAt: number;
}

export interface NewUser {
  readonly tenantId: string;
  readonly name: string;
  readonly role: Role;
}

/** People, their one-time sign-in links and their sessions. */
export interface Identity {
  /** Finds a user by name within the tenant or makes one; an existing user's role stays. */
  ensureUser(tx: Tx, user: NewUser): Promise<Actor>;
  findUser(tenantId: string, name: string): Promise<Actor | undefined>;
  users(tenantId: string): Promise<Actor[]>;
  /** Makes a link that signs this person in once, within 15 minutes. Only a hash of the secret is kept. */
  createLink(tx: Tx, user: Actor, createdBy: string): Promise<{ secret: string; expiresAt: number }>;
  /** Uses a link up. `previous` is the session that the browser brought, which ends. */
  signIn(
    secret: string,
    previous: string | undefined,
  ): Promise<Result<{ cookieSecret: string; session: ActiveSession }>>;
  /** The session that a cookie's secret stands for, if it is good now; `renew` counts as a use of it. */
  authenticate(cookieSecret: string, options: { renew: boolean }): Promise<ActiveSession | undefined>;
  signOut(session: ActiveSession): Promise<void>;
  describe(session: ActiveSession): Promise<Session>;
  registerApprover(actor: Actor, request: RegisterApproverRequest): Promise<Result<RegisterApproverResponse>>;
}
