import type { CloseReason, Hello } from '@yagura/protocol';
import type { Fleet, Origin } from '../contexts/fleet/api.ts';
import type { Ingest } from '../contexts/ingest/api.ts';
import type { Log } from '../platform/log.ts';
import type { GatewayLimits } from './limits.ts';
import type { AgentSession } from './session.ts';

export type AdmissionObjection = 'duplicate_session' | 'sequence_fork' | 'certificate_revoked';

export interface SessionsOptions {
  readonly fleet: Pick<Fleet, 'certificateStanding'>;
  readonly ingest: Pick<Ingest, 'highestSequence'>;
  readonly limits: Pick<GatewayLimits, 'challengeMs' | 'standingCheckMs'>;
  readonly monotonic: () => number;
  readonly log: Log;
  /** Told when an identity seems to exist twice; a person has to look at it. */
  readonly onClone: (origin: Origin, code: 'duplicate_session' | 'sequence_fork', detail: string) => void;
}

/** Every session of this gateway, and who of them speaks for which endpoint. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #all = new Set<AgentSession>();
  readonly #speaking = new Map<string, AgentSession>();
  readonly #challenged = new Set<string>();
  #checkedAt: number;
  #checking = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#checkedAt = options.monotonic();
  }

  get size(): number {
    return this.#all.size;
  }

  add(session: AgentSession): void {
    this.#all.add(session);
  }

  forget(session: AgentSession): void {
    this.#all.delete(session);
    const key = keyOf(session.peer.origin);
    if (this.#speaking.get(key) === session) this.#speaking.delete(key);
  }

  /**
   * Lets a session speak for its endpoint, or says what speaks against it. A fork of the spool and a second
   * live session mean that the identity has been copied (SPEC UP9).
   */
  async admit(session: AgentSession, hello: Hello): Promise<AdmissionObjection | undefined> {
    const { origin, serial } = session.peer;
    const committed = await this.#options.ingest.highestSequence(origin, hello.epoch);
    if (hello.lastSequence < committed) {
      const detail = `epoch ${hello.epoch}: says ${hello.lastSequence}, committed ${committed}`;
      this.#options.onClone(origin, 'sequence_fork', detail);
      return 'sequence_fork';
    }
    if (!(await this.#claim(session))) return 'duplicate_session';
    // Once more, now that a revocation would find this session: it may have come while the peer was checked.
    if ((await this.#options.fleet.certificateStanding(origin, serial)) !== 'valid') return 'certificate_revoked';
    return undefined;
  }

  /** Ends every session of an endpoint, those included that have not said `hello` yet. */
  end(origin: Origin, reason: CloseReason): void {
    const key = keyOf(origin);
    // Sessions take themselves out of the set as they end, which a set's iterator allows.
    for (const session of this.#all) if (keyOf(session.peer.origin) === key) session.close(reason);
  }

  pokeOrders(origin: Origin): void {
    this.#speaking.get(keyOf(origin))?.pokeOrders();
  }

  sweep(): void {
    for (const session of this.#all) session.sweep();
    const now = this.#options.monotonic();
    if (this.#checking || now - this.#checkedAt < this.#options.limits.standingCheckMs) return;
    this.#checkedAt = now;
    void this.#checkStanding();
  }

  closeAll(): void {
    for (const session of this.#all) session.close('console_stopping');
  }

  /**
   * Ends sessions whose certificate was revoked by another process, such as the command line, of which no
   * message tells (SPEC EN11). One after another, so that ten thousand sessions are no burst of queries.
   */
  async #checkStanding(): Promise<void> {
    this.#checking = true;
    try {
      for (const session of this.#all) {
        const { origin, serial } = session.peer;
        if ((await this.#options.fleet.certificateStanding(origin, serial)) === 'revoked') {
          session.close('certificate_revoked');
        }
      }
    } catch (error) {
      this.#options.log.warn({ err: error }, 'revocations could not be looked up');
    } finally {
      this.#checking = false;
    }
  }

  async #claim(session: AgentSession): Promise<boolean> {
    const { origin } = session.peer;
    const key = keyOf(origin);
    const speaking = this.#speaking.get(key);
    if (speaking !== undefined) {
      if (this.#challenged.has(key)) return false;
      this.#challenged.add(key);
      const alive = await speaking
        .answersPing(this.#options.limits.challengeMs)
        .finally(() => this.#challenged.delete(key));
      if (alive) {
        speaking.close('duplicate_session');
        this.#options.onClone(origin, 'duplicate_session', 'two live sessions of one identity');
        return false;
      }
      speaking.drop();
    }
    if (this.#all.has(session)) this.#speaking.set(key, session);
    return true;
  }
}

function keyOf(origin: Origin): string {
  return `${origin.tenantId}/${origin.endpointId}`;
}
