import type { Readable } from 'node:stream';
import { Id } from '@yagura/protocol';
import express, { type Express, type Response as HttpResponse, type Request } from 'express';
import { ROUTES, type RouteContract, type RouteName } from '../../api/routes.ts';
import type { ActiveSession, Identity } from '../../contexts/identity/api.ts';
import { type Failure, fail } from '../../platform/http-errors.ts';
import type { ApiAnswer, ApiRequest, Handlers } from '../../platform/http-handler.ts';
import { addressKey, type RateLimit } from '../../platform/rate-limit.ts';
import type { SessionCookie } from './cookie.ts';

export interface MountOptions {
  readonly handlers: Handlers;
  readonly identity: Identity;
  readonly cookie: SessionCookie;
  readonly origins: ReadonlySet<string>;
  readonly limits: { readonly requests: RateLimit; readonly signIn: RateLimit };
}

/** Approvals of a hundred orders are the only large thing that browsers send. */
const LARGE_BODY_BYTES = 4 * 1024 * 1024;
const BODY_BYTES = 32 * 1024;

/** Mounts exactly the operations of `ROUTES`; each request passes every check before its handler sees it. */
export function mountRoutes(app: Express, options: MountOptions): void {
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    mount(app, name, ROUTES[name], options.handlers[name] as AnyHandler, options);
  }
}

/** A handler as the mounting sees it: its request was made by the schemas of its own contract. */
type AnyHandler = (request: ApiRequest<RouteName>) => Promise<ApiAnswer<RouteName>>;

function mount(
  app: Express,
  name: RouteName,
  contract: RouteContract,
  handler: AnyHandler,
  options: MountOptions,
): void {
  const limit = name === 'placeOrders' ? LARGE_BODY_BYTES : BODY_BYTES;
  const readBody = express.json({ limit, strict: true, type: 'application/json' });
  const method = contract.method.toLowerCase() as 'get' | 'post' | 'patch' | 'delete';

  app[method](contract.path, async (request: Request, response: HttpResponse) => {
    const admitted = await admit(request, contract, options);
    if (!admitted.ok) return sendFailure(response, admitted);
    if (contract.body !== undefined) {
      await new Promise<void>((resolve, reject) => {
        readBody(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
      });
    }
    const upload = contract.upload === undefined ? undefined : openUpload(request, contract.upload);
    if (upload?.ok === false) {
      // Whatever is still to come is not read.
      response.set('Connection', 'close');
      return sendFailure(response, upload);
    }
    const read = readRequest(request, contract, { ...admitted, upload: upload?.stream });
    if (!read) return sendFailure(response, fail('bad_request'));
    const answer = await handler(read);
    if (!answer.ok) return sendFailure(response, answer);
    if (answer.cookie !== undefined) {
      const { cookie } = options;
      response.append('Set-Cookie', answer.cookie === 'clear' ? cookie.clear() : cookie.set(answer.cookie.set));
    }
    if (contract.response === undefined) response.status(204).end();
    else response.status(200).json(answer.value);
    return undefined;
  });
}

interface Admission {
  readonly ok: true;
  readonly session: ActiveSession | undefined;
  readonly cookieSecret: string | undefined;
}

/** Rate, origin, session and role, in this order: nothing of the request is parsed before. */
async function admit(request: Request, contract: RouteContract, options: MountOptions): Promise<Admission | Failure> {
  const address = addressKey(request.ip);
  if (!options.limits.requests.take(address)) return fail('rate_limited');
  // A browser names its page's origin on whatever may change something; who does not is refused.
  if (contract.method !== 'GET' && !options.origins.has(request.headers.origin ?? '')) return fail('origin_refused');
  const cookieSecret = options.cookie.read(request.headers.cookie);
  if (contract.role === 'none') {
    if (!options.limits.signIn.take(address)) return fail('rate_limited');
    return { ok: true, session: undefined, cookieSecret };
  }
  const session =
    cookieSecret === undefined ? undefined : await options.identity.authenticate(cookieSecret, { renew: true });
  if (!session) return fail('unauthenticated');
  if (contract.role === 'admin' && session.actor.role !== 'admin') return fail('forbidden');
  return { ok: true, session, cookieSecret };
}

function readRequest(
  request: Request,
  contract: RouteContract,
  { session, cookieSecret, upload }: Admission & { readonly upload: Readable | undefined },
): ApiRequest<RouteName> | undefined {
  const params = Object.entries(request.params);
  if (!params.every(([, value]) => Id.safeParse(value).success)) return undefined;
  const query = contract.query?.safeParse(request.query);
  const body = contract.body?.safeParse(request.body);
  if (query?.success === false || body?.success === false) return undefined;
  // The contract's own schemas made these values; the types are read from the same contract.
  return {
    session,
    cookieSecret,
    params: Object.fromEntries(params),
    query: query?.data,
    body: body?.data,
    upload,
  } as unknown as ApiRequest<RouteName>;
}

function openUpload(request: Request, maxBytes: number): { readonly ok: true; readonly stream: Readable } | Failure {
  if (!/^application\/octet-stream$/i.test(request.headers['content-type'] ?? '')) return fail('bad_request');
  // Without a length nobody could tell a whole file from one whose sender went away.
  const length = Number(request.headers['content-length'] ?? Number.NaN);
  if (!Number.isSafeInteger(length) || length < 1) return fail('bad_request');
  if (length > maxBytes) return fail('body_too_large');
  return { ok: true, stream: request };
}

export function sendFailure(response: HttpResponse, failure: Failure): undefined {
  response.status(failure.status).json({ error: { code: failure.code, message: failure.message } });
}
