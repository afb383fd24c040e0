import { CLOSE_CODES, PROTOCOL_VERSIONS, type VersionRange } from '@yagura/protocol';
import type { IdentityStore } from '../identity/identity-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Spool } from '../spool/spool.ts';
import type { ProxyEnvironment } from './connect/proxy.ts';
import { createConsoleClock } from './console-clock.ts';
import { createReconnectDelay } from './reconnect-delay.ts';
import {
  openSession,
  SESSION_TIMING,
  type Session,
  type SessionContext,
  type SessionResult,
  type SessionTiming,
} from './session.ts';
import type { HelloFacts, OrderHandler, Uplink, UplinkState } from './uplink.ts';

export interface UplinkOptions {
  readonly identity: IdentityStore;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly hello: HelloFacts;
  readonly onOrder: OrderHandler;
  /** Called at the start of every session with the console's time: the moment for a fresh health report (SPEC HE1). */
  readonly onConnected?: (consoleNow: number) => void;
  /** Where HTTPS_PROXY and NO_PROXY are read; `process.env` by default. */
  readonly environment?: ProxyEnvironment;
  readonly timing?: Partial<SessionTiming>;
  /** What is offered in `hello`; for tests of refusal. */
  readonly protocol?: VersionRange;
}

/** Endings that have a state of their own (SPEC UP11). */
const STATE_OF_CLOSE: ReadonlyMap<number | undefined, UplinkState> = new Map([
  [CLOSE_CODES.certificate_revoked, 'revoked'],
  [CLOSE_CODES.version_unsupported, 'version_unsupported'],
  [CLOSE_CODES.duplicate_session, 'duplicate_session'],
]);

const HOPELESS_STATES: ReadonlySet<UplinkState> = new Set(STATE_OF_CLOSE.values());

interface Condition {
  readonly state: UplinkState;
  readonly code?: string;
  readonly detail?: string;
  readonly since: number;
}

/** The last failure, kept while the next attempt is under way. */
function causeOf({ code, detail }: Condition): Pick<Condition, 'code' | 'detail'> {
  return { ...(code === undefined ? {} : { code }), ...(detail === undefined ? {} : { detail }) };
}

export function createUplink(options: UplinkOptions): Uplink {
  const { clock, log, spool } = options;
  const consoleClock = createConsoleClock(clock);
  const delay = createReconnectDelay(options.random);
  const counts = { sent: 0, acknowledged: 0, setAside: 0 };
  let condition: Condition = {
    state: 'stopped',
    since: clock.now(),
  };
  let session: Session | undefined;
  const enter = (state: UplinkState, cause: Pick<Condition, 'code' | 'detail'> = {}): void => {
    condition = { state, ...cause, since: clock.now() };
  };

  const context: SessionContext = {
    identity: options.identity,
    spool,
    clock,
    consoleClock,
    log,
    hello: options.hello,
    protocol: options.protocol ?? PROTOCOL_VERSIONS,
    environment: options.environment ?? process.env,
    timing: { ...SESSION_TIMING, ...options.timing },
    counts,
    onOrder: options.onOrder,
    onConnected: () => {
      enter('connected');
      log.info({ clockOffset: consoleClock.offset() }, 'connected to the console');
      options.onConnected?.(consoleClock.now());
    },
  };

  const conclude = ({ code, detail, closeCode }: SessionResult): void => {
    const cause = { code, detail };
    enter(STATE_OF_CLOSE.get(closeCode) ?? 'waiting', cause);
    log.warn({ ...cause, closeCode }, 'session with the console ended');
  };

  return {
    run: async (signal) => {
      spool.onAppend(() => session?.wake());
      while (!signal.aborted) {
        // What only a person can mend stays visible until a session stands.
        if (!HOPELESS_STATES.has(condition.state)) enter('connecting', causeOf(condition));
        session = openSession(context, signal);
        const result = await session.ended;
        session = undefined;
        if (signal.aborted) break;
        conclude(result);
        await pause(clock, delay.after(result), signal);
      }
      enter('stopped');
    },
    status: () => {
      const offset = consoleClock.offset();
      return { ...condition, ...counts, ...(offset === undefined ? {} : { clockOffset: offset }) };
    },
  };
}

async function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(milliseconds, finish);
    signal.addEventListener('abort', finish);
  });
}
