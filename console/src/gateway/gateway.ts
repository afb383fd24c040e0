import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { LIMITS, UPLINK_PATH } from '@yagura/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Audit } from '../contexts/audit/api.ts';
import type { Fleet } from '../contexts/fleet/api.ts';
import type { Ingest } from '../contexts/ingest/api.ts';
import type { Response } from '../contexts/response/api.ts';
import type { RulePacks } from '../contexts/rule-packs/api.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createKeyedTokenBuckets } from '../platform/token-bucket.ts';
import type { SignerClient } from '../signer/client.ts';
import type { Store } from '../store/store.ts';
import { createCloneReport } from './clone-report.ts';
import { Enrolment } from './enrolment.ts';
import { serveEnrolment } from './enrolment-http.ts';
import { Intake } from './intake.ts';
import { GATEWAY_LIMITS, type GatewayLimits } from './limits.ts';
import { identifyPeer, type PeerIdentity } from './peer-identity.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import { createRenewal } from './renewal.ts';
import { createPackService } from './serve-packs.ts';
import { AgentSession } from './session.ts';
import type { SessionServices } from './session-services.ts';
import { Sessions } from './sessions.ts';
import { type GatewayTls, isDue, obtainGatewayTls } from './tls-identity.ts';

export interface GatewayOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where the gateway's key and certificate lie (0700). */
  readonly stateDirectory: string;
  readonly consoleVersion: string;
  readonly signer: SignerClient;
  readonly store: Store;
  readonly fleet: Fleet;
  readonly response: Response;
  readonly rulePacks: Pick<RulePacks, 'open'>;
  readonly ingest: Ingest;
  readonly audit: Audit;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly log: Log;
  readonly limits?: Partial<GatewayLimits>;
}

export interface GatewayStatus {
  readonly sessions: number;
  readonly waitingBytes: number;
  readonly pausedSessions: number;
}

/** The listener for agents. */
export interface Gateway {
  readonly port: number;
  status(): GatewayStatus;
  /** Says goodbye to every agent (1001) and frees the port. Safe to call twice. */
  close(): Promise<void>;
}

export type GatewayStart =
  | { readonly ok: true; readonly gateway: Gateway }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** How often the gateway looks whether its own certificate is due, and whether endpoints are still there. */
const CERTIFICATE_CHECK_MS = 3_600_000;

/**
 * Starts the agents' gateway: `POST /enrol` without, `/uplink` and `/packs/` with a client certificate, over TLS
 * 1.2 or newer. Fails with a value when the signer does not answer (`signer_unavailable`) or the port is not to be
 * had (`EADDRINUSE`, `EACCES`).
 */
export async function createGateway(options: GatewayOptions): Promise<GatewayStart> {
  const obtained = await obtainGatewayTls(options.stateDirectory, options.signer, options.clock);
  if (!obtained.ok) return obtained;
  const gateway = new OpenGateway(options, obtained.tls);
  const failure = await gateway.listen();
  if (failure === undefined) return { ok: true, gateway };
  const code = 'code' in failure ? String(failure.code) : 'internal';
  return { ok: false, code, message: `the gateway cannot listen on ${options.host}:${options.port}: ${code}` };
}

class OpenGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #limits: GatewayLimits;
  readonly #server: Server;
  readonly #webSockets: WebSocketServer;
  readonly #sessions: Sessions;
  readonly #intake: Intake;
  readonly #services: SessionServices;
  readonly #handshakes: { take(key: string): boolean };
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #unsubscribe: () => void;
  #tls: GatewayTls;
  #closing: Promise<void> | undefined;

  constructor(options: GatewayOptions, tls: GatewayTls) {
    this.#options = options;
    this.#tls = tls;
    this.#limits = { ...GATEWAY_LIMITS, ...options.limits };
    this.#intake = new Intake(this.#limits.waitingBytes);
    this.#sessions = new Sessions({
      fleet: options.fleet,
      ingest: options.ingest,
      limits: this.#limits,
      monotonic: options.monotonic,
      log: options.log,
      onClone: createCloneReport(options),
    });
    this.#services = {
      ...options,
      limits: this.#limits,
      intake: this.#intake,
      sessions: this.#sessions,
      renew: createRenewal({ ...options, limits: this.#limits, authority: tls.authority.toString() }),
    };
    this.#handshakes = createKeyedTokenBuckets(options.clock, this.#limits.sessionsPerEndpoint);
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: LIMITS.frameBytes,
      maxFragments: this.#limits.fragments,
      maxBufferedChunks: this.#limits.bufferedChunks,
    });
    this.#server = this.#createServer();
    this.#unsubscribe = options.bus.subscribe((message) => {
      if (message.type === 'endpoint-revoked') this.#sessions.end(message, 'certificate_revoked');
      if (message.type === 'orders-waiting') this.#sessions.pokeOrders(message);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#options.port;
  }

  status(): GatewayStatus {
    return {
      sessions: this.#sessions.size,
      waitingBytes: this.#intake.waitingBytes,
      pausedSessions: this.#intake.pausedReaders,
    };
  }

  /** Resolves to the error when the port cannot be had. */
  async listen(): Promise<Error | undefined> {
    const failure = await new Promise<Error | undefined>((resolve) => {
      this.#server.once('error', resolve);
      this.#server.listen({ host: this.#options.host, port: this.#options.port }, () => resolve(undefined));
    });
    if (failure !== undefined) {
      this.#unsubscribe();
      return failure;
    }
    this.#server.on('error', (error) => this.#options.log.error({ err: error }, 'gateway error'));
    this.#timers.push(
      setInterval(() => this.#sessions.sweep(), this.#limits.sweepMs),
      setInterval(() => void this.#renewOwnCertificate(), CERTIFICATE_CHECK_MS).unref(),
    );
    this.#options.log.info({ host: this.#options.host, port: this.port }, 'gateway listening');
    return undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#unsubscribe();
    for (const timer of this.#timers) clearInterval(timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#sessions.closeAll();
    const late = setTimeout(() => this.#server.closeAllConnections(), this.#limits.closeMs);
    this.#server.closeIdleConnections();
    await closed;
    clearTimeout(late);
  }

  #createServer(): Server {
    const options = this.#options;
    const limits = this.#limits;
    const server = createServer({
      key: this.#tls.key,
      cert: this.#tls.chain,
      ca: this.#tls.authority.toString(),
      requestCert: true,
      // Who may do what is decided below: enrolment comes without a certificate, renewal with an expired one.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: 10_000,
      headersTimeout: 10_000,
      requestTimeout: 20_000,
      keepAliveTimeout: 5_000,
      maxHeaderSize: 8_192,
      connectionsCheckingInterval: 5_000,
    });
    server.maxConnections = limits.connections;
    server.maxHeadersCount = 64;
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('clientError', (_error, socket) => socket.destroy());
    const enrolment = new Enrolment({
      ...options,
      limits,
      authority: this.#tls.authority.toString(),
      orderKey: this.#tls.orderKey,
    });
    const packs = createPackService({ ...options, limits, authority: () => this.#tls.authority });
    server.on('request', (request, response) => {
      if (packs.matches(request)) packs.serve(request, response);
      else serveEnrolment(enrolment, limits.enrolBytes, request, response);
    });
    server.on('upgrade', (request, socket, head) => {
      // Until ws takes over nobody else listens, and an error without a listener would end the process.
      socket.on('error', () => socket.destroy());
      void this.#onUpgrade(request, socket, head).catch((error: unknown) => {
        options.log.error({ err: error }, 'a handshake could not be judged');
        refuseUpgrade(socket, 503, 'internal');
      });
    });
    return server;
  }

  /** SPEC UP1, UP6: path and origin, certificate, rate, revocation, and only then a WebSocket. */
  async #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (this.#closing !== undefined) return refuseUpgrade(socket, 503, 'console_stopping');
    if (request.url !== UPLINK_PATH) return refuseUpgrade(socket, 404, 'not_found');
    if (request.headers.origin !== undefined) return refuseUpgrade(socket, 403, 'origin_refused');
    const tlsSocket = socket as TLSSocket;
    const identified = identifyPeer(tlsSocket, this.#tls.authority);
    if (!identified.ok) return refuseUpgrade(socket, 401, identified.code);
    const { peer } = identified;
    if (this.#options.clock.now() > peer.notAfter + this.#limits.renewableAfterExpiryMs) {
      return refuseUpgrade(socket, 401, 'certificate_expired');
    }
    if (!this.#handshakes.take(`${peer.origin.tenantId}/${peer.origin.endpointId}`)) {
      return this.#accept(request, socket, head, (webSocket) => webSocket.close(4429, 'rate_limited'));
    }
    const standing = await this.#options.fleet.certificateStanding(peer.origin, peer.serial);
    if (socket.destroyed) return;
    if (standing !== 'valid') {
      this.#options.log.warn({ ...peer.origin, serial: peer.serial, standing }, 'session refused');
      return this.#accept(request, socket, head, (webSocket) => webSocket.close(4403, 'certificate_revoked'));
    }
    this.#accept(request, socket, head, (webSocket) => this.#open(webSocket, tlsSocket, peer));
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer, then: (webSocket: WebSocket) => void): void {
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => webSocket.terminate());
      then(webSocket);
    });
  }

  #open(webSocket: WebSocket, socket: TLSSocket, peer: PeerIdentity): void {
    socket.setNoDelay(true);
    this.#sessions.add(new AgentSession(webSocket, () => socket.bytesRead, peer, this.#services));
  }

  async #renewOwnCertificate(): Promise<void> {
    const { stateDirectory, signer, clock, log } = this.#options;
    if (!isDue(this.#tls.certificate, clock.now())) return;
    const obtained = await obtainGatewayTls(stateDirectory, signer, clock);
    if (!obtained.ok) return log.error({ code: obtained.code }, "the gateway's certificate could not be renewed");
    this.#tls = obtained.tls;
    this.#server.setSecureContext({
      key: obtained.tls.key,
      cert: obtained.tls.chain,
      ca: obtained.tls.authority.toString(),
    });
    log.info("the gateway's certificate was renewed");
  }
}
