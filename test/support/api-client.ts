import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { ROUTES, type RouteName } from '@yagura/console/api/index.ts';
import {
  APPROVAL_SIGNATURE_CONTEXT,
  type Approval,
  type OrderAction,
  TENANT_APPROVAL_SIGNATURE_CONTEXT,
  type TenantApproval,
  type TenantOrderAction,
} from '@yagura/protocol';
import type { z } from 'zod';

type ResponseOf<Name extends RouteName> = (typeof ROUTES)[Name] extends { response: infer R extends z.ZodType }
  ? z.infer<R>
  : undefined;

/** A person at the HTTP interface, with a session and a key for approving, as a browser has them. */
export interface ApiClient {
  readonly cookie: string;
  call<Name extends RouteName>(
    name: Name,
    parameters?: {
      readonly path?: Record<string, string>;
      readonly query?: Record<string, string>;
      readonly body?: unknown;
    },
  ): Promise<ResponseOf<Name>>;
  /** Signs an approval as the browser would and places the order. */
  order(endpointId: string, action: OrderAction): Promise<ResponseOf<'placeOrders'>>;
  /** The same for every endpoint of the tenant. */
  orderForTenant(action: TenantOrderAction): Promise<ResponseOf<'placeStandingOrder'>>;
}

/** Uses up a one-time link as the browser does. */
export async function signIn(link: string): Promise<ApiClient> {
  const url = new URL(link);
  const [secret = '', approverCode = ''] = url.hash.slice(1).split('.');
  const first = await fetch(`${url.origin}${ROUTES.signIn.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url.origin },
    body: JSON.stringify({ secret }),
  });
  if (!first.ok) throw new Error(`sign-in: ${first.status} ${await first.text()}`);
  const session = ROUTES.signIn.response.parse(await first.json());
  const cookie = first.headers
    .getSetCookie()
    .map((value) => value.split(';')[0])
    .join('; ');

  async function call<Name extends RouteName>(
    name: Name,
    parameters: Parameters<ApiClient['call']>[1] = {},
  ): Promise<ResponseOf<Name>> {
    const route = ROUTES[name];
    const path = route.path.replaceAll(/:([A-Za-z]+)/g, (_, key: string) =>
      encodeURIComponent(parameters.path?.[key] ?? ''),
    );
    const query = parameters.query ? `?${new URLSearchParams(parameters.query)}` : '';
    const response = await fetch(`${url.origin}${path}${query}`, {
      method: route.method,
      headers: {
        cookie,
        origin: url.origin,
        ...(parameters.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(parameters.body === undefined ? {} : { body: JSON.stringify(parameters.body) }),
    });
    if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
    return ('response' in route ? route.response.parse(await response.json()) : undefined) as ResponseOf<Name>;
  }

  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' });
  const mac = createHmac('sha256', Buffer.from(approverCode, 'base64url')).update(spki).digest('base64');
  const { approverKeyId } = await call('registerApprover', { body: { publicKey: spki.toString('base64'), mac } });

  const { tenantId } = session.tenant;
  return {
    cookie,
    call,
    order: (endpointId, action) => {
      const about = { tenantId, endpointId, action, approverKeyId };
      return call('placeOrders', { body: { approvals: [approve(keys.privateKey, about)] } });
    },
    orderForTenant: (action) => {
      const about = { tenantId, scope: 'tenant', action, approverKeyId } as const;
      const approval = approve(keys.privateKey, about, TENANT_APPROVAL_SIGNATURE_CONTEXT);
      return call('placeStandingOrder', { body: { approval } });
    },
  };
}

type Made = 'approvalId' | 'approvedAt' | 'expiresAt';

/** An approval that is good for five minutes, signed with the key. */
export function approve(
  key: KeyObject,
  about: Omit<Approval, Made> | Omit<TenantApproval, Made>,
  context: string = APPROVAL_SIGNATURE_CONTEXT,
): { payload: string; signature: string } {
  const now = Date.now();
  const approval = { approvalId: randomUUID(), ...about, approvedAt: now, expiresAt: now + 300_000 };
  const payload = Buffer.from(JSON.stringify(approval));
  const signature = sign('sha256', Buffer.concat([Buffer.from(context), payload]), { key, dsaEncoding: 'ieee-p1363' });
  return { payload: payload.toString('base64'), signature: signature.toString('base64') };
}
