import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAlerts } from '@yagura/console/contexts/alerts/alerts.ts';
import { createAudit } from '@yagura/console/contexts/audit/audit.ts';
import { createContracts } from '@yagura/console/contexts/contracts/contracts.ts';
import type { Fleet } from '@yagura/console/contexts/fleet/api.ts';
import { createFleet } from '@yagura/console/contexts/fleet/fleet.ts';
import type { Ingest } from '@yagura/console/contexts/ingest/api.ts';
import { createIngest } from '@yagura/console/contexts/ingest/ingest.ts';
import { createInventories } from '@yagura/console/contexts/inventory/inventories.ts';
import type { Response } from '@yagura/console/contexts/response/api.ts';
import { createResponse } from '@yagura/console/contexts/response/response.ts';
import type { RulePacks } from '@yagura/console/contexts/rule-packs/api.ts';
import { createRulePacks } from '@yagura/console/contexts/rule-packs/rule-packs.ts';
import type { Rules } from '@yagura/console/contexts/rules/api.ts';
import { createRules } from '@yagura/console/contexts/rules/rules.ts';
import { createTenants } from '@yagura/console/contexts/tenants/tenants.ts';
import { createGateway, type Gateway } from '@yagura/console/gateway/gateway.ts';
import type { GatewayLimits } from '@yagura/console/gateway/limits.ts';
import { type Bus, createBus } from '@yagura/console/platform/bus.ts';
import type { Clock } from '@yagura/console/platform/clock.ts';
import { createLog } from '@yagura/console/platform/log.ts';
import { systemRandom } from '@yagura/console/platform/random.ts';
import type { SignerClient } from '@yagura/console/signer/client.ts';
import { openStore, type Store } from '@yagura/console/store/store.ts';

/** The console without its web half: real store, contexts, ingest and gateway. */
export interface RunningGateway extends AsyncDisposable {
  readonly directory: string;
  readonly databasePath: string;
  readonly store: Store;
  readonly bus: Bus;
  readonly fleet: Fleet;
  readonly response: Response;
  readonly rulePacks: RulePacks;
  readonly rules: Rules;
  readonly ingest: Ingest;
  readonly gateway: Gateway;
  /** Makes a customer with enrolment tokens. */
  createTenant(name: string): Promise<string>;
  createToken(tenantId: string, validHours?: number): Promise<string>;
}

export interface RunningGatewayOptions {
  readonly signer: SignerClient;
  readonly clock: Clock;
  readonly monotonic?: () => number;
  readonly directory?: string;
  readonly port?: number;
  readonly limits?: Partial<GatewayLimits>;
  readonly logLevel?: string;
  /** Puts something between the gateway and the ingest. */
  readonly wrapIngest?: (ingest: Ingest) => Ingest;
}

export async function startGateway(options: RunningGatewayOptions): Promise<RunningGateway> {
  const { clock, signer } = options;
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'yagura-gateway-'));
  mkdirSync(directory, { recursive: true });
  const databasePath = join(directory, 'console.db');
  const log = createLog('console', options.logLevel ?? 'silent');
  const bus = createBus((error) => log.error({ err: error }, 'a subscriber failed'));
  const store = await openStore({
    path: databasePath,
    now: () => clock.now(),
    onEffectError: (error) => log.error({ err: error }, 'an effect failed'),
  });
  const random = systemRandom;
  const audit = createAudit({ store, clock });
  const contracts = createContracts({
    store,
    clock,
    random,
    bus,
    audit,
    revokeEndpoint: (tx, actor, endpointId) => fleet.revokeIn(tx, actor, endpointId),
  });
  const fleet: Fleet = createFleet({
    store,
    clock,
    random,
    bus,
    log,
    audit,
    contracts,
    signer,
    gatewayUrl: () => 'https://localhost:8443',
  });
  const alerts = createAlerts({
    store,
    clock,
    random,
    bus,
    audit,
    ordersAbout: (tenantId, endpointId, storyId) => response.ordersAbout(tenantId, endpointId, storyId),
  });
  const rules = createRules({ store, clock, bus, log });
  const rulePacks = createRulePacks({
    store,
    clock,
    random,
    bus,
    log,
    audit,
    rules,
    standing: (tenantId) => response.standingPack(tenantId),
    directory: join(directory, 'packs'),
  });
  const response: Response = createResponse({
    store,
    clock,
    random,
    bus,
    log,
    audit,
    signer,
    fleet,
    incidentContent: (tenantId, incidentId) => alerts.content(tenantId, incidentId),
    rulePackExists: (tenantId, reference) => rulePacks.exists(tenantId, reference),
  });
  const created = createIngest({
    store,
    clock,
    log,
    alerts,
    fleet,
    inventories: createInventories({ store, bus }),
    response,
    rules,
  });
  const ingest = options.wrapIngest?.(created) ?? created;
  const started = await createGateway({
    host: '127.0.0.1',
    port: options.port ?? 0,
    stateDirectory: directory,
    consoleVersion: '0.0.0-test',
    signer,
    store,
    fleet,
    response,
    rulePacks,
    ingest,
    audit,
    bus,
    clock,
    monotonic: options.monotonic ?? (() => performance.now()),
    log,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  if (!started.ok) throw new Error(`${started.code}: ${started.message}`);
  const tenants = createTenants({ store, clock, random });
  return {
    directory,
    databasePath,
    store,
    bus,
    fleet,
    response,
    rulePacks,
    rules,
    ingest,
    gateway: started.gateway,
    createTenant: async (name) => (await store.write((tx) => tenants.ensure(tx, name))).tenantId,
    async createToken(tenantId, validHours = 24) {
      const made = await fleet.createToken({ tenantId, name: 'operator' }, { label: '', validHours });
      if (!made.ok) throw new Error(made.code);
      return made.value.token;
    },
    async [Symbol.asyncDispose]() {
      await started.gateway.close();
      await ingest.close();
      await fleet.close();
      await store.close();
      if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}
