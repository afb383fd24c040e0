import { randomBytes } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { type LiveMessage, ROUTES, type RouteContract, type RouteName } from '@yagura/console/api/index.ts';
import { WebSocketServer } from 'ws';
import { type Call, handlers, Refusal } from './handlers.ts';
import type { World } from './world.ts';

/** The headers that the real console sends with the web: what they forbid must not be needed. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface FakeConsole extends AsyncDisposable {
  readonly url: string;
  readonly world: World;
  /** A one-time link's address. */
  link(): string;
  /** Ends every session, as an expiry does. */
  endSessions(): void;
  /** Cuts the live feed of every browser and takes no new one until `restore`. */
  cutLive(): { restore(): void };
}

function matchRoute(method: string, path: string): { name: RouteName; params: Record<string, string> } | undefined {
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, RouteContract][]) {
    if (route.method !== method) continue;
    const wanted = route.path.split('/');
    const given = path.split('/');
    if (wanted.length !== given.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((part, index) => {
      const value = given[index] ?? '';
      if (!part.startsWith(':')) return part === value;
      params[part.slice(1)] = decodeURIComponent(value);
      return value !== '';
    });
    if (fits) return { name, params };
  }
  return undefined;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

/**
 * The console's HTTP interface over a world in memory, and the built web from `webDirectory`. Requests and
 * answers are checked by the interface's own schemas, so that the fake cannot drift away from it.
 */
export async function startFakeConsole(world: World, webDirectory: string): Promise<FakeConsole> {
  const server = createServer((request, response) => {
    void serve(request, response).catch((error: unknown) => {
      if (error instanceof Refusal)
        sendJson(response, error.status, { error: { code: error.code, message: error.code } });
      else sendJson(response, 500, { error: { code: 'internal', message: String(error) } });
    });
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    if (!url.pathname.startsWith('/api/')) return serveFile(url.pathname, response);
    const route = matchRoute(request.method ?? 'GET', url.pathname);
    if (route === undefined) throw new Refusal(404, 'not_found');
    const contract: RouteContract = ROUTES[route.name];
    const fault = world.faults.get(route.name);
    if (fault === 'hang') return;
    if (fault !== undefined) throw new Refusal(fault.status, fault.code);
    if (contract.role !== 'none' && world.sessions === 0) throw new Refusal(401, 'unauthenticated');
    const body = contract.body?.safeParse(await readBody(request));
    const query = contract.query?.safeParse(Object.fromEntries(url.searchParams));
    if (body?.success === false || query?.success === false) throw new Refusal(400, 'bad_request');
    const handle = handlers[route.name] as (call: Call<never>) => unknown;
    const answer = await handle({
      world,
      params: route.params,
      query: query?.data,
      body: body?.data,
    });
    if (contract.response === undefined) return sendJson(response, 204, undefined);
    sendJson(response, 200, contract.response.parse(answer));
  }

  function serveFile(path: string, response: ServerResponse): void {
    const wanted = join(webDirectory, normalize(path));
    const file =
      wanted.startsWith(webDirectory) && existsSync(wanted) && statSync(wanted).isFile()
        ? wanted
        : join(webDirectory, 'index.html');
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    });
    createReadStream(file).pipe(response);
  }

  const live = new WebSocketServer({ noServer: true });
  let liveOpen = true;
  server.on('upgrade', (request, socket, head) => {
    if (!liveOpen || request.url !== '/api/live' || world.sessions === 0) return socket.destroy();
    live.handleUpgrade(request, socket, head, (peer) => live.emit('connection', peer, request));
  });
  world.announce = (topic, id) => {
    const message: LiveMessage = { type: 'changed', topic, ...(id === undefined ? {} : { id }) };
    for (const peer of live.clients) peer.send(JSON.stringify(message));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    url,
    world,
    link() {
      const secret = randomBytes(24).toString('base64url');
      const code = randomBytes(32).toString('base64url');
      world.links.set(secret, code);
      return `${url}/sign-in#${secret}.${code}`;
    },
    endSessions() {
      world.sessions = 0;
      for (const peer of live.clients) peer.close();
    },
    cutLive() {
      liveOpen = false;
      for (const peer of live.clients) peer.terminate();
      return {
        restore() {
          liveOpen = true;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const peer of live.clients) peer.terminate();
      live.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
