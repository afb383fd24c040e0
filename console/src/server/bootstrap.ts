import { chmod, mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAlerts } from '../contexts/alerts/alerts.ts';
import { createAudit } from '../contexts/audit/audit.ts';
import type { Contracts } from '../contexts/contracts/api.ts';
import { createContracts } from '../contexts/contracts/contracts.ts';
import type { Fleet } from '../contexts/fleet/api.ts';
import { createFleet } from '../contexts/fleet/fleet.ts';
import { createIdentity } from '../contexts/identity/identity.ts';
import type { Ingest } from '../contexts/ingest/api.ts';
import { createIngest } from '../contexts/ingest/ingest.ts';
import { startRetention } from '../contexts/ingest/retention.ts';
import { createInventories } from '../contexts/inventory/inventories.ts';
import type { Response } from '../contexts/response/api.ts';
import { createResponse } from '../contexts/response/response.ts';
import type { RulePacks } from '../contexts/rule-packs/api.ts';
import { createRulePacks } from '../contexts/rule-packs/rule-packs.ts';
import type { Rules } from '../contexts/rules/api.ts';
import { createRules } from '../contexts/rules/rules.ts';
import type { Tenants } from '../contexts/tenants/api.ts';
import { createTenants } from '../contexts/tenants/tenants.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { enrolmentLimit } from '../gateway/limits.ts';
import { type Bus, createBus } from '../platform/bus.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { type Random, systemRandom } from '../platform/random.ts';
import { createRateLimit } from '../platform/rate-limit.ts';
import { CONSOLE_VERSION } from '../platform/version.ts';
import { createSignerClient, type SignerClient } from '../signer/client.ts';
import { openStore, type Store } from '../store/store.ts';
import type { ConsoleConfig } from './config.ts';
import { createApp } from './http/app.ts';
import { createSessionCookie } from './http/cookie.ts';
import { allowedOrigins } from './http/origin.ts';
import { createLiveFeed } from './live/live-feed.ts';
import { type Contexts, createHandlers } from './routes.ts';
import { listenError, StartupError } from './startup-error.ts';

/** What the machine gives: time and chance. Tests bring their own. */
export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
}

const SYSTEM: Platform = { clock: systemClock, random: systemRandom };

/** Everything of the console that listens nowhere: what the command line works with. */
export interface Domain extends Contexts, AsyncDisposable {
  readonly store: Store;
  readonly tenants: Tenants;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly signer: SignerClient;
  /** Known once the gateway listens on a port that the system chose. */
  setGatewayUrl(url: string): void;
}

/** The only place, together with `startConsole`, that builds concrete parts. Throws `StoreError`, `StartupError`. */
export async function openDomain(config: ConsoleConfig, log: Log, platform: Platform = SYSTEM): Promise<Domain> {
  await prepareStateDirectory(config.stateDirectory);
  const { clock, random } = platform;
  const onError = (error: unknown): void => log.error({ err: error }, 'a subscriber failed');
  const bus = createBus(onError);
  const store = await openStore({ path: config.databasePath, now: () => clock.now(), onEffectError: onError });
  const signer = createSignerClient({ socket: config.signer.socket });
  let gatewayUrl = config.gateway.url;

  const common = { store, clock, random, bus, log, signer };
  const audit = createAudit({ store, clock });
  const tenants = createTenants({ store, clock, random });
  const identity = createIdentity({ ...common, audit, consoleVersion: CONSOLE_VERSION });
  // Seats end with their endpoints and endpoints with their seats; incidents show orders and orders propose
  // from incidents: one of each pair is given the other's operation by name.
  const contracts: Contracts = createContracts({
    ...common,
    audit,
    revokeEndpoint: (tx, actor, endpointId) => fleet.revokeIn(tx, actor, endpointId),
  });
  const fleet: Fleet = createFleet({ ...common, audit, contracts, gatewayUrl: () => gatewayUrl });
  const inventories = createInventories({ store, bus });
  const alerts = createAlerts({ ...common, audit, ordersAbout: (...about) => response.ordersAbout(...about) });
  const rules: Rules = createRules(common);
  const rulePacks: RulePacks = createRulePacks({
    ...common,
    audit,
    rules,
    standing: (tenantId) => response.standingPack(tenantId),
    directory: join(config.stateDirectory, 'packs'),
  });
  const response: Response = createResponse({
    ...common,
    audit,
    fleet,
    incidentContent: (...which) => alerts.content(...which),
    rulePackExists: (...which) => rulePacks.exists(...which),
  });

  return {
    store,
    tenants,
    bus,
    clock,
    signer,
    alerts,
    audit,
    contracts,
    fleet,
    identity,
    inventories,
    response,
    rulePacks,
    rules,
    setGatewayUrl(url) {
      gatewayUrl = url;
    },
    async [Symbol.asyncDispose]() {
      await fleet.close();
      signer[Symbol.dispose]();
      await store.close();
    },
  };
}

export interface RunningConsole {
  readonly httpPort: number;
  readonly gatewayPort: number;
  readonly publicUrl: string;
  readonly gatewayUrl: string;
  readonly domain: Domain;
  readonly ingest: Ingest;
  readonly gateway: Gateway;
  /** Says goodbye to browsers and agents, writes what is in memory and frees the ports. Safe to call twice. */
  close(): Promise<void>;
}

/** How long requests that are under way may take when the console stops. */
const CLOSE_PATIENCE_MS = 2_000;

/**
 * Starts the whole console. Throws `StoreError` or `StartupError` (`port_in_use`, `signer_unavailable` ...),
 * with nothing left running.
 */
export async function startConsole(
  config: ConsoleConfig,
  log: Log,
  platform: Platform = SYSTEM,
): Promise<RunningConsole> {
  await using undo = new AsyncDisposableStack();
  const domain = undo.use(await openDomain(config, log, platform));

  const ingest = createIngest({ ...domain, log });
  undo.defer(() => ingest.close());
  undo.use(startRetention({ ...domain, log, days: config.telemetryDays }));

  const server = createServer({
    headersTimeout: 15_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 10_000,
    maxHeaderSize: 16 * 1_024,
  });
  server.maxConnections = 5_000;
  const httpPort = await listen(server, config.http.host, config.http.port);
  undo.defer(() => closeServer(server));
  // Not before the port is ours: another console that runs on this database still has its sessions.
  await domain.fleet.resetPresence();
  const publicUrl = withPort(config.publicUrl, httpPort);
  const secure = new URL(publicUrl).protocol === 'https:';
  const cookie = createSessionCookie(publicUrl);
  const origins = allowedOrigins(publicUrl);
  const { clock } = domain;
  const app = createApp({
    handlers: createHandlers(domain),
    identity: domain.identity,
    cookie,
    origins,
    limits: {
      requests: createRateLimit({ clock, perMinute: 1_200, burst: 400 }),
      signIn: createRateLimit({ clock, perMinute: 10, burst: 10 }),
    },
    log,
    secure,
    trustedProxies: config.trustedProxies,
    webDirectory: webDirectory(),
    consoleVersion: CONSOLE_VERSION,
  });
  server.on('request', app);
  const live = createLiveFeed({
    server,
    identity: domain.identity,
    bus: domain.bus,
    log,
    cookie,
    origins,
    upgrades: createRateLimit({ clock, perMinute: 120, burst: 60 }),
  });
  undo.defer(() => live.close());

  const started = await createGateway({
    host: config.gateway.host,
    port: config.gateway.port,
    stateDirectory: config.stateDirectory,
    consoleVersion: CONSOLE_VERSION,
    signer: domain.signer,
    store: domain.store,
    fleet: domain.fleet,
    response: domain.response,
    rulePacks: domain.rulePacks,
    ingest,
    audit: domain.audit,
    bus: domain.bus,
    clock,
    monotonic: () => performance.now(),
    log,
    limits: { enrolPerAddress: enrolmentLimit(config.gateway.enrolmentsPerMinute) },
  });
  if (!started.ok) throw gatewayError(started, config);
  const { gateway } = started;
  undo.defer(() => gateway.close());
  const gatewayUrl = withPort(config.gateway.url, gateway.port);
  domain.setGatewayUrl(gatewayUrl);

  const running = undo.move();
  return {
    httpPort,
    gatewayPort: gateway.port,
    publicUrl,
    gatewayUrl,
    domain,
    ingest,
    gateway,
    close: () => running.disposeAsync(),
  };
}

function gatewayError(failure: { code: string; message: string }, config: ConsoleConfig): StartupError {
  if (failure.code.startsWith('E')) {
    return listenError(failure.code, config.gateway.host, config.gateway.port, 'YAGURA_GATEWAY_PORT');
  }
  if (failure.code === 'signer_unavailable') {
    return new StartupError(
      'signer_unavailable',
      `the signer does not answer on ${config.signer.socket}: start it first (yagura-console signer)`,
    );
  }
  return new StartupError(failure.code, failure.message);
}

async function prepareStateDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // The command line may run as root beside a console that does not; the mode is the owner's to set.
    const owner = process.getuid?.();
    if (owner !== undefined && owner !== 0) await chmod(directory, 0o700);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new StartupError(
      code === 'ENOSPC' ? 'no_space' : 'state_directory_unusable',
      `${directory} cannot be used (${code}): choose another directory with YAGURA_STATE_DIR`,
      { cause: error },
    );
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(listenError(error.code ?? 'unknown', host, port, 'YAGURA_HTTP_PORT')),
    );
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function closeServer(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_PATIENCE_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}

/** A configured port 0 stands for the one that the system chose. */
function withPort(url: string, port: number): string {
  return url.endsWith(':0') ? `${url.slice(0, -1)}${port}` : url;
}

declare global {
  /** Set by the bundler: programs then lie beside the web's files. */
  var YAGURA_BUNDLED: true | undefined;
}

function webDirectory(): string {
  return fileURLToPath(new URL(globalThis.YAGURA_BUNDLED ? './web/' : '../../dist/web/', import.meta.url));
}
