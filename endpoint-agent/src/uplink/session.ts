import {
  type AgentFrame,
  CLOSE_CODES,
  type ConsoleFrame,
  LIMITS,
  SESSION,
  type SignedOrder,
  UPLINK_PATH,
  type VersionRange,
} from '@yagura/protocol';
import { type RawData, WebSocket } from 'ws';
import type { IdentityStore } from '../identity/identity-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Spool } from '../spool/spool.ts';
import { type BatchWindow, createBatchWindow, type UplinkCounts } from './batch-window.ts';
import { GatewayAgent } from './connect/gateway-connection.ts';
import { type ProxyEnvironment, proxyFor } from './connect/proxy.ts';
import type { ConsoleClock } from './console-clock.ts';
import { connectionFailure, parseConsoleFrame } from './console-frames.ts';
import { keepAlive } from './keep-alive.ts';
import { PROVEN, type SessionEnd } from './reconnect-delay.ts';
import type { HelloFacts, OrderHandler } from './uplink.ts';

export type SessionTiming = { -readonly [Key in keyof typeof SESSION]: number } & {
  /** How long telemetry waits for company before it is sent; alerts never wait. */
  linger: number;
  /** From one look at the certificate's age to the next. */
  renewalCheck: number;
};
export const SESSION_TIMING: SessionTiming = { ...SESSION, linger: 250, renewalCheck: 3_600_000 };

/** Orders that may wait for their turn; the console sends one at a time (SPEC CM4). */
const WAITING_ORDERS = 8;
const OPEN_TIMEOUT = 30_000;
/** For the peer's half of the closing handshake. */
const CLOSING_TIMEOUT = 2_000;

export interface SessionContext {
  readonly identity: IdentityStore;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly consoleClock: ConsoleClock;
  readonly log: Log;
  readonly hello: HelloFacts;
  readonly protocol: VersionRange;
  readonly environment: ProxyEnvironment;
  readonly timing: SessionTiming;
  readonly counts: UplinkCounts;
  readonly onOrder: OrderHandler;
  /** Called after `welcome`. */
  readonly onConnected: () => void;
}

export interface SessionResult extends SessionEnd {
  readonly code: string;
  readonly detail: string;
}

export interface Session {
  /** Something can be sent. Safe in any state. */
  wake(): void;
  /** Resolves once, when nothing of the session is left. */
  readonly ended: Promise<SessionResult>;
}

/** Opens a session and keeps it until it breaks or the signal fires. Failures are results, never exceptions. */
export function openSession(context: SessionContext, signal: AbortSignal): Session {
  const session = new UplinkSession(context, signal);
  return { wake: () => session.wake(), ended: session.ended };
}

class UplinkSession {
  readonly ended: Promise<SessionResult>;
  readonly #context: SessionContext;
  readonly #socket: WebSocket;
  readonly #cancel: (() => void)[] = [];
  readonly #resolve: (result: SessionResult) => void;
  readonly #startedAt: number;
  readonly #connecting = new AbortController();
  #window: BatchWindow | undefined;
  /** That of the spool when we said hello: it may have been replaced before the welcome comes. */
  #saidEpoch = '';
  #cause: { code: string; detail: string } | undefined;
  #resumeNow = false;
  #progress = false;
  #wakeAt: (() => void) | undefined;
  #orders: Promise<void> = Promise.resolve();
  #waitingOrders = 0;
  #renewalTimer: (() => void) | undefined;
  #renewing: 'idle' | 'asked' | 'last_chance' = 'idle';

  constructor(context: SessionContext, signal: AbortSignal) {
    this.#context = context;
    this.#startedAt = context.clock.monotonic();
    const { promise, resolve } = Promise.withResolvers<SessionResult>();
    this.ended = promise;
    this.#resolve = resolve;
    const { gateway: address, ca, certificate, privateKey } = context.identity.current();
    const gateway = new URL(address);
    const route = { gateway, proxy: proxyFor(gateway, context.environment) };
    this.#socket = new WebSocket(new URL(UPLINK_PATH, gateway).href.replace(/^https/, 'wss'), {
      agent: new GatewayAgent(route, { ca, certificate, privateKey }, this.#connecting.signal),
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: LIMITS.frameBytes,
      maxFragments: 64,
    });
    const stop = (): void => this.#close(CLOSE_CODES.console_stopping, 'stopped', 'the agent stops');
    signal.addEventListener('abort', stop);
    this.#cancel.push(() => signal.removeEventListener('abort', stop));
    this.#cancel.push(context.clock.after(OPEN_TIMEOUT, () => this.#giveUp('gateway_unreachable', 'no answer')));
    this.#listen();
    if (signal.aborted) stop();
  }

  wake(): void {
    const urgent = this.#context.spool.status().pending.alerts > 0;
    if (urgent) return this.#wakeIn(0);
    if (this.#wakeAt === undefined) this.#wakeIn(this.#context.timing.linger);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('open', () => {
      for (const cancel of this.#cancel.splice(1)) cancel();
      this.#cancel.push(
        keepAlive(socket, this.#context.clock, this.#context.timing, () =>
          this.#giveUp('peer_dead', 'the console went silent'),
        ),
      );
      this.#cancel.push(this.#context.clock.after(this.#context.timing.helloTimeout, () => this.#expectWelcome()));
      this.#sayHello();
    });
    socket.on('message', (data, binary) => this.#receive(data, binary));
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      this.#giveUp('gateway_refused', `HTTP ${response.statusCode}`);
    });
    socket.on('error', (error: Error & { code?: string }) => {
      this.#cause ??= { code: connectionFailure(error), detail: error.message };
    });
    socket.on('close', (closeCode) => this.#finish(closeCode));
  }

  #sayHello(): void {
    const { spool, clock, hello, protocol } = this.#context;
    const { epoch, lastSequence } = spool.status();
    this.#saidEpoch = epoch;
    this.#send({ type: 'hello', protocol, ...hello, epoch, lastSequence, time: clock.now() });
  }

  #expectWelcome(): void {
    if (this.#window === undefined && this.#renewing === 'idle') this.#giveUp('welcome_missing', 'no answer to hello');
  }

  #receive(data: RawData, binary: boolean): void {
    const frame = binary ? undefined : parseConsoleFrame(data);
    if (frame === undefined) return this.#malformed('a frame that cannot be read');
    switch (frame.type) {
      case 'welcome':
        return this.#welcome(frame);
      case 'refused':
        return this.#refused(frame);
      case 'ack':
      case 'nack':
        if (this.#window?.answer(frame) !== true) return this.#malformed('an answer to no batch');
        this.#progress ||= frame.type === 'ack';
        return this.#wakeIn(0);
      case 'order':
        return this.#order(frame);
      case 'certificate':
        return this.#certificate(frame);
    }
  }

  #welcome(frame: Extract<ConsoleFrame, { type: 'welcome' }>): void {
    const { identity, protocol, consoleClock, onConnected } = this.#context;
    const { endpointId, tenantId } = identity.current();
    if (this.#window !== undefined) return this.#malformed('a second welcome');
    if (frame.endpointId !== endpointId || frame.tenantId !== tenantId) {
      return this.#close(
        CLOSE_CODES.frame_malformed,
        'identity_mismatch',
        'the console takes this for another endpoint',
      );
    }
    if (frame.protocol < protocol.min || frame.protocol > protocol.max) return this.#malformed('a version not offered');
    consoleClock.set(frame.time);
    this.#window = createBatchWindow(this.#context.spool, this.#saidEpoch, this.#context.clock, this.#context.counts);
    onConnected();
    this.#renewIfDue();
    this.#wakeIn(0);
  }

  #refused(frame: Extract<ConsoleFrame, { type: 'refused' }>): void {
    const { agent, console: theirs } = frame;
    const versions =
      agent === undefined || theirs === undefined
        ? ''
        : ` (agent speaks ${agent.min} to ${agent.max}, console ${theirs.min} to ${theirs.max})`;
    this.#cause = { code: frame.code, detail: frame.message + versions };
    // SPEC EN10: the socket stays open for one renewal.
    if (frame.code === 'certificate_expired') void this.#renew('last_chance');
  }

  #order({ order }: Extract<ConsoleFrame, { type: 'order' }>): void {
    if (this.#window === undefined || this.#waitingOrders >= WAITING_ORDERS)
      return this.#malformed('an order out of turn');
    this.#waitingOrders += 1;
    this.#orders = this.#orders.then(() => this.#answerOrder(order));
  }

  async #answerOrder(order: SignedOrder): Promise<void> {
    const receipt = await this.#context.onOrder(order, this.#context.consoleClock.now());
    this.#waitingOrders -= 1;
    this.#send({ type: 'order-received', ...receipt });
  }

  #renewIfDue(): void {
    const { identity, consoleClock, clock, timing } = this.#context;
    if (identity.renewalDue(consoleClock.now())) void this.#renew('asked');
    this.#renewalTimer = clock.after(timing.renewalCheck, () => this.#renewIfDue());
  }

  async #renew(stage: 'asked' | 'last_chance'): Promise<void> {
    this.#renewing = stage;
    const csr = await this.#context.identity.beginRenewal();
    this.#send({ type: 'renew', csr });
    const { clock, timing } = this.#context;
    if (stage === 'last_chance') {
      this.#cancel.push(
        clock.after(timing.helloTimeout, () => this.#giveUp('certificate_expired', 'no new certificate')),
      );
    }
  }

  #certificate(frame: Extract<ConsoleFrame, { type: 'certificate' }>): void {
    const result = this.#context.identity.completeRenewal(frame);
    if (result.ok) this.#context.log.info({ notAfter: result.notAfter }, 'certificate renewed');
    else this.#context.log.warn({ code: result.code }, 'certificate not renewed');
    if (this.#renewing === 'last_chance') {
      this.#resumeNow = result.ok;
      this.#close(1000, 'certificate_expired', result.ok ? 'renewed, connecting again' : result.code);
    }
    this.#renewing = 'idle';
  }

  #wakeIn(milliseconds: number): void {
    this.#wakeAt?.();
    this.#wakeAt = this.#context.clock.after(milliseconds, () => {
      this.#wakeAt = undefined;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#window === undefined || this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#window.epochChanged()) {
      this.#resumeNow = true;
      return this.#close(1000, 'spool_replaced', 'the spool was replaced');
    }
    const wait = this.#window.fill((frame) => this.#socket.send(frame));
    if (wait !== undefined) this.#wakeIn(wait);
  }

  #send(frame: AgentFrame): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #malformed(detail: string): void {
    this.#close(CLOSE_CODES.frame_malformed, 'frame_malformed', `the console sent ${detail}`);
  }

  #close(closeCode: number, code: string, detail: string): void {
    this.#cause ??= { code, detail };
    if (this.#socket.readyState !== WebSocket.OPEN) return this.#giveUp(code, detail);
    this.#socket.close(closeCode);
    this.#cancel.push(this.#context.clock.after(CLOSING_TIMEOUT, () => this.#socket.terminate()));
  }

  /** Ends at once, without the closing handshake. */
  #giveUp(code: string, detail: string): void {
    this.#cause ??= { code, detail };
    this.#connecting.abort();
    this.#socket.terminate();
  }

  #finish(closeCode: number): void {
    this.#connecting.abort();
    for (const cancel of this.#cancel.splice(0)) cancel();
    this.#wakeAt?.();
    this.#renewalTimer?.();
    const lived = this.#context.clock.monotonic() - this.#startedAt;
    const proven = this.#progress || (this.#window !== undefined && lived >= PROVEN);
    const [named] = Object.entries(CLOSE_CODES).find(([, value]) => value === closeCode) ?? [];
    const cause = this.#cause ?? { code: named ?? 'connection_lost', detail: `closed with ${closeCode}` };
    this.#resolve({ ...cause, closeCode, proven, resumeNow: this.#resumeNow });
  }
}
