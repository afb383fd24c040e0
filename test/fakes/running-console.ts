import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROUTES, type RouteContract, type RouteName } from '@yagura/console/api/index.ts';
import type { Origin } from '@yagura/console/contexts/fleet/api.ts';
import type { Actor } from '@yagura/console/contexts/identity/api.ts';
import { createLog } from '@yagura/console/platform/log.ts';
import { systemRandom } from '@yagura/console/platform/random.ts';
import { type Domain, type RunningConsole, startConsole } from '@yagura/console/server/bootstrap.ts';
import { readConfig } from '@yagura/console/server/config.ts';
import { type OrderAction, parseEnrolmentToken, type SignedApproval, type TenantOrderAction } from '@yagura/protocol';
import { approvalOf, type BrowserApprover, createBrowserApprover, tenantApprovalOf } from './browser-approver.ts';
import { createKeyAndRequest, type RunningSigner, startSigner } from './running-signer.ts';

/** An answer of the HTTP interface as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
  /** Code of an error body. */
  readonly code: string | undefined;
}

export interface CallOptions {
  readonly params?: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A signed-in person with a browser of their own. */
export interface Person {
  readonly actor: Actor;
  readonly cookie: string;
  call(name: RouteName, options?: CallOptions): Promise<Answer>;
  /** Signs an approval with this browser's key, which is registered with the signer at the first call. */
  approve(endpointId: string, action: OrderAction): Promise<SignedApproval>;
  /** For every endpoint of the tenant. */
  approveForTenant(action: TenantOrderAction): Promise<SignedApproval>;
}

/** A whole console with its real signer, on free ports, with a clock that the test owns. */
export interface TestConsole extends AsyncDisposable {
  readonly url: string;
  readonly running: RunningConsole;
  readonly domain: Domain;
  readonly signer: RunningSigner;
  readonly databasePath: string;
  readonly clock: { time: number; now(): number };
  /** Any request, without anything added. */
  request(path: string, init?: RequestInit): Promise<Answer>;
  call(name: RouteName, options?: CallOptions): Promise<Answer>;
  tenant(name: string): Promise<string>;
  person(tenantId: string, name: string, role?: 'admin' | 'viewer'): Promise<Person>;
  /** A one-time link's secret and approver code, as the command line prints them. */
  link(actor: Actor): Promise<{ secret: string; approverCode: string }>;
  /** Enrols an endpoint as the gateway does, certificate included. */
  enrol(tenantId: string, hostname: string): Promise<Origin>;
}

export async function startTestConsole(): Promise<TestConsole> {
  const directory = mkdtempSync(join(tmpdir(), 'yagura-console-'));
  const signer = await startSigner();
  const { clock } = signer;
  const databasePath = join(directory, 'console.db');
  const config = readConfig({
    YAGURA_STATE_DIR: directory,
    YAGURA_HTTP_PORT: '0',
    YAGURA_GATEWAY_HOST: '127.0.0.1',
    YAGURA_GATEWAY_PORT: '0',
    YAGURA_SIGNER_SOCKET: signer.socket,
    YAGURA_SIGNER_ADMIN_SOCKET: signer.adminSocket,
    YAGURA_LOG_LEVEL: 'silent',
  });
  const running = await startConsole(config, createLog('console', 'silent'), { clock, random: systemRandom });
  const { domain } = running;
  const url = `http://127.0.0.1:${running.httpPort}`;

  async function request(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(url + path, { redirect: 'manual', ...init });
    const text = await response.text();
    const json = parseJson(text);
    return { status: response.status, headers: response.headers, text, json, code: errorCode(json) };
  }

  function call(name: RouteName, { params = {}, query, body, headers = {} }: CallOptions = {}): Promise<Answer> {
    const route: RouteContract = ROUTES[name];
    const path = route.path.replaceAll(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? 'none'));
    return request(query ? `${path}?${new URLSearchParams(query)}` : path, {
      method: route.method,
      headers: {
        origin: running.publicUrl,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  async function link(actor: Actor): Promise<{ secret: string; approverCode: string }> {
    const { tenantId, userId, role } = actor;
    const code = await signer.admin.call('create-approver-code', { tenantId, userId, role });
    if (!code.ok) throw new Error(code.code);
    const { secret } = await domain.store.write((tx) => domain.identity.createLink(tx, actor, 'operator'));
    return { secret, approverCode: code.value.code };
  }

  async function person(tenantId: string, name: string, role: 'admin' | 'viewer' = 'admin'): Promise<Person> {
    const actor = await domain.store.write((tx) => domain.identity.ensureUser(tx, { tenantId, name, role }));
    const { secret, approverCode } = await link(actor);
    // Past the interface's limit on sign-ins, which has tests of its own.
    const signedIn = await domain.identity.signIn(secret, undefined);
    if (!signedIn.ok) throw new Error(signedIn.code);
    const cookie = `yagura=${signedIn.value.cookieSecret}`;
    let approver: Promise<{ browser: BrowserApprover; approverKeyId: string }> | undefined;
    const register = async () => {
      const browser = await createBrowserApprover();
      const answer = await domain.identity.registerApprover(actor, await browser.registration(approverCode));
      if (!answer.ok) throw new Error(answer.code);
      return { browser, approverKeyId: answer.value.approverKeyId };
    };
    return {
      actor,
      cookie,
      call: (route, options = {}) => call(route, { ...options, headers: { cookie, ...options.headers } }),
      async approve(endpointId, action) {
        approver ??= register();
        const { browser, approverKeyId } = await approver;
        return browser.sign(approvalOf({ tenantId, endpointId, approverKeyId, action, now: clock.now() }));
      },
      async approveForTenant(action) {
        approver ??= register();
        const { browser, approverKeyId } = await approver;
        return browser.signForTenant(tenantApprovalOf({ tenantId, approverKeyId, action, now: clock.now() }));
      },
    };
  }

  return {
    url,
    running,
    domain,
    signer,
    databasePath,
    clock,
    request,
    call,
    link,
    person,
    tenant: async (name) => (await domain.store.write((tx) => domain.tenants.ensure(tx, name))).tenantId,
    async enrol(tenantId, hostname) {
      const made = await domain.fleet.createToken({ tenantId, name: 'operator' }, { label: '', validHours: 1 });
      const token = made.ok ? parseEnrolmentToken(made.value.token) : undefined;
      if (!token) throw new Error('no token');
      const endpointId = domain.fleet.newEndpointId();
      const { csr } = await createKeyAndRequest();
      const issued = await signer.client.call('issue-endpoint-certificate', { csr, tenantId, endpointId });
      if (!issued.ok) throw new Error(issued.code);
      return domain.store.write(async (tx) => {
        const facts = { endpointId, hostname, platform: 'linux', agentVersion: '0.1.0' } as const;
        const consumed = await domain.fleet.consumeToken(tx, token.secret, facts);
        if (!consumed.ok) throw new Error(consumed.code);
        await domain.fleet.recordCertificate(tx, consumed.origin, issued.value);
        return consumed.origin;
      });
    },
    async [Symbol.asyncDispose]() {
      await running.close();
      await signer[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorCode(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null || !('error' in json)) return undefined;
  const { error } = json;
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}
