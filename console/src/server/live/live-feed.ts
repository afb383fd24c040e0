import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ActiveSession, Identity } from '../../contexts/identity/api.ts';
import type { Bus, BusMessage } from '../../platform/bus.ts';
import { fail, type HttpErrorCode } from '../../platform/http-errors.ts';
import type { Log } from '../../platform/log.ts';
import { addressKey, type RateLimit } from '../../platform/rate-limit.ts';
import type { SessionCookie } from '../http/cookie.ts';
import { Browser } from './browser.ts';

/** `GET /api/live`: tells signed-in browsers what has changed, and nothing of what is in it. */
export interface LiveFeed {
  readonly connected: number;
  /** How often a slow browser lost messages and was told to ask for everything anew. */
  readonly resyncs: number;
  close(): void;
}

export interface LiveFeedOptions {
  readonly server: Server;
  readonly identity: Pick<Identity, 'authenticate'>;
  readonly bus: Bus;
  readonly log: Log;
  readonly cookie: SessionCookie;
  readonly origins: ReadonlySet<string>;
  readonly upgrades: RateLimit;
  readonly limits?: Partial<LiveLimits>;
}

export interface LiveLimits {
  /** Browsers say nothing here; a message beyond this ends the socket. */
  readonly maxPayloadBytes: number;
  readonly connections: number;
  readonly connectionsPerSession: number;
  /** Changes are collected this long: an incident is on screen well within a second. */
  readonly collectMs: number;
  /** Unsent bytes from which a browser counts as slow. */
  readonly bufferedBytes: number;
  /** How often sockets are pinged and their sessions checked; a silent one ends after two. */
  readonly checkMs: number;
}

const LIMITS: LiveLimits = {
  maxPayloadBytes: 64,
  connections: 2_000,
  connectionsPerSession: 20,
  collectMs: 100,
  bufferedBytes: 64 * 1_024,
  checkMs: 30_000,
};

/** Close code of a session that has ended: the browser shows the sign-in page. */
const SESSION_ENDED = 4401;
const CLOSE_GRACE_MS = 500;

export function createLiveFeed(options: LiveFeedOptions): LiveFeed {
  const { server, identity, bus, log, cookie, origins, upgrades } = options;
  const limits = { ...LIMITS, ...options.limits };
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.maxPayloadBytes,
    perMessageDeflate: false,
    clientTracking: false,
  });
  const browsers = new Map<string, Set<Browser>>();
  const all = () => Array.from(browsers.values()).flatMap((peers) => Array.from(peers));
  let connected = 0;
  let resyncs = 0;
  let timer: NodeJS.Timeout | undefined;

  async function admit(
    request: IncomingMessage,
  ): Promise<{ session: ActiveSession; cookieSecret: string } | HttpErrorCode> {
    // Any page may open a WebSocket to us with our cookie: a missing or foreign origin is refused.
    if (!origins.has(request.headers.origin ?? '')) return 'origin_refused';
    if (!upgrades.take(addressKey(request.socket.remoteAddress)) || connected >= limits.connections) {
      return 'rate_limited';
    }
    const cookieSecret = cookie.read(request.headers.cookie);
    if (cookieSecret === undefined) return 'unauthenticated';
    const session = await identity.authenticate(cookieSecret, { renew: false });
    if (!session) return 'unauthenticated';
    const own = [...(browsers.get(session.actor.tenantId) ?? [])].filter(
      (browser) => browser.session.sessionHash === session.sessionHash,
    );
    return own.length >= limits.connectionsPerSession ? 'rate_limited' : { session, cookieSecret };
  }

  async function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (request.url?.split('?')[0] !== '/api/live') return refuse(socket, 'not_found');
    const admitted = await admit(request);
    if (typeof admitted === 'string') return refuse(socket, admitted);
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      enter(accepted, new Browser(accepted, admitted.session, admitted.cookieSecret, limits.bufferedBytes));
    });
    return undefined;
  }

  function enter(socket: WebSocket, browser: Browser): void {
    const { tenantId } = browser.session.actor;
    browsers.set(tenantId, (browsers.get(tenantId) ?? new Set()).add(browser));
    connected += 1;
    // An unheard error event would end the process.
    socket.on('error', () => socket.terminate());
    socket.on('message', () => socket.close(1008));
    socket.on('close', () => {
      connected -= 1;
      const peers = browsers.get(tenantId);
      peers?.delete(browser);
      if (peers?.size === 0) browsers.delete(tenantId);
    });
  }

  function onBus(message: BusMessage): void {
    const peers = browsers.get(message.tenantId);
    if (!peers) return;
    if (message.type === 'session-ended') {
      for (const browser of peers) {
        if (browser.session.sessionHash === message.sessionHash) browser.socket.close(SESSION_ENDED);
      }
    } else if (message.type === 'changed') {
      for (const browser of peers) browser.add(message.topic, message.id);
      timer ??= setTimeout(flush, limits.collectMs);
    }
  }

  function flush(): void {
    timer = undefined;
    for (const browser of all()) {
      const state = browser.flush();
      if (state === 'fell-behind') resyncs += 1;
      if (state !== 'sent') timer ??= setTimeout(flush, limits.collectMs);
    }
  }

  async function check(): Promise<void> {
    for (const browser of all()) {
      browser.ping();
      const session = await identity.authenticate(browser.cookieSecret, { renew: false });
      if (!session) browser.socket.close(SESSION_ENDED);
    }
  }

  const unsubscribe = bus.subscribe(onBus);
  const onRequest = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    onUpgrade(request, socket, head).then(
      () => socket.off('error', onError),
      (error: unknown) => {
        log.error({ err: error }, 'live upgrade failed');
        refuse(socket, 'internal');
      },
    );
  };
  server.on('upgrade', onRequest);
  const checking = setInterval(() => {
    check().catch((error: unknown) => log.warn({ err: error }, 'live sessions could not be checked'));
  }, limits.checkMs);
  checking.unref();

  return {
    get connected() {
      return connected;
    },
    get resyncs() {
      return resyncs;
    },
    close() {
      unsubscribe();
      server.off('upgrade', onRequest);
      clearInterval(checking);
      clearTimeout(timer);
      for (const { socket } of all()) socket.close(1001);
      setTimeout(() => {
        for (const { socket } of all()) socket.terminate();
      }, CLOSE_GRACE_MS).unref();
    },
  };
}

function refuse(socket: Duplex, code: HttpErrorCode): void {
  const { status, message } = fail(code);
  const body = JSON.stringify({ error: { code, message } });
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}
