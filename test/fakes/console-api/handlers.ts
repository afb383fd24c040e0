import { randomUUID } from 'node:crypto';
import type {
  EndpointDetail,
  EndpointRow,
  IncidentDetail,
  IncidentRow,
  OrderRow,
  QuarantineRow,
  ROUTES,
  RouteName,
} from '@yagura/console/api/index.ts';
import type { z } from 'zod';
import { isMacOf, readApproval, readTenantApproval } from './fake-signer.ts';
import { inventoryOf } from './inventory.ts';
import { obey } from './obey.ts';
import { pageOf } from './page.ts';
import { placeStanding, planTuning, ruleDetail, rulePage, tuningList } from './rule-handlers.ts';
import { recount } from './scenarios.ts';
import { record, type World } from './world.ts';

type Routes = typeof ROUTES;
type Schema<N extends RouteName, K extends 'query' | 'body'> =
  Routes[N] extends Record<K, infer S extends z.ZodType> ? z.output<S> : undefined;
type Answer<N extends RouteName> = Routes[N] extends { response: infer S extends z.ZodType } ? z.input<S> : undefined;

/** A refusal with the status and code of the real interface. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

export interface Call<N extends RouteName> {
  readonly world: World;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Schema<N, 'query'>;
  readonly body: Schema<N, 'body'>;
}

/** One for each operation: a route that is added to the interface does not compile until it is here. */
export type Handlers = { readonly [N in RouteName]: (call: Call<N>) => Answer<N> | Promise<Answer<N>> };

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Refusal(404, 'not_found');
  return value;
}

const endpointOf = ({ world, params }: Pick<Call<RouteName>, 'world' | 'params'>) =>
  found(world.endpoints.find((each) => each.endpointId === params['endpointId']));
const incidentOf = ({ world, params }: Pick<Call<RouteName>, 'world' | 'params'>) =>
  found(world.incidents.find((each) => each.incidentId === params['incidentId']));

function sessionOf(world: World) {
  return {
    user: world.user,
    tenant: world.tenant,
    approverKeyIds: [...world.approvers.keys()],
    consoleVersion: '0.1.0',
    signedInAt: world.startedAt,
    expiresAt: world.startedAt + 12 * 3_600_000,
  };
}

function rowOf(detail: EndpointDetail): EndpointRow {
  const { certificateExpiresAt: _1, health: _2, inventory: _3, seatStartedAt: _4, ...row } = detail;
  return row;
}

function incidentRowOf(detail: IncidentDetail): IncidentRow {
  const { hostname: _1, story: _2, orders: _3, closeNote: _4, closedBy: _5, times: _6, ...row } = detail;
  return row;
}

function quarantineRows(world: World): QuarantineRow[] {
  return world.incidents.flatMap((incident) =>
    incident.story.files.flatMap((file) =>
      file.quarantineId === undefined
        ? []
        : [
            {
              quarantineId: file.quarantineId,
              path: file.path,
              sha256: file.sha256 ?? '0'.repeat(64),
              size: file.size ?? 0,
              uid: 1_000,
              gid: 1_000,
              mode: 0o644,
              storyId: incident.story.storyId,
              quarantinedAt: incident.occurredAt + 500,
              state:
                file.state === 'restored'
                  ? ('restored' as const)
                  : file.state === 'deleted'
                    ? ('deleted' as const)
                    : ('held' as const),
              endpointId: incident.endpointId,
              endpointName: incident.endpointName,
              incidentId: incident.incidentId,
            },
          ],
    ),
  );
}

const open = (world: World, lane: IncidentRow['lane']) =>
  world.incidents.filter((row) => row.status === 'open' && row.lane === lane).length;

function standingPack(world: World) {
  const standing = world.standings.findLast(({ action }) => action.kind !== 'set-rule-tunings');
  return standing === undefined ? {} : { standing };
}

export const handlers: Handlers = {
  signIn: ({ world, body }) => {
    if (!world.links.has(body.secret)) throw new Refusal(401, 'link_used');
    world.sessions += 1;
    return sessionOf(world);
  },
  signOut: ({ world }) => {
    world.sessions = 0;
    return undefined;
  },
  session: ({ world }) => sessionOf(world),
  registerApprover: async ({ world, body }) => {
    for (const code of world.links.values()) {
      if (!(await isMacOf(body.publicKey, body.mac, code))) continue;
      const approverKeyId = `approver-${randomUUID()}`;
      world.approvers.set(approverKeyId, body.publicKey);
      world.links.clear();
      record(world, 'approver.registered', approverKeyId);
      return { approverKeyId };
    }
    throw new Refusal(422, 'approver_code_invalid');
  },
  listEndpoints: ({ world, query }) => {
    const count = (state: EndpointRow['state']) => world.endpoints.filter((each) => each.state === state).length;
    const rows = world.endpoints.filter((each) => query.state === undefined || each.state === query.state);
    const seen = world.endpoints.flatMap((each) => each.lastSeenAt ?? []);
    return {
      summary: {
        total: world.endpoints.length,
        watching: count('watching'),
        degraded: count('degraded'),
        offline: count('offline'),
        revoked: count('revoked'),
        ...(seen.length === 0 ? {} : { lastSeenAt: seen.reduce((a, b) => Math.max(a, b)) }),
      },
      ...pageOf(rows.map(rowOf), query, ['displayName', 'hostname'], 'displayName'),
    };
  },
  getEndpoint: endpointOf,
  getEndpointInventory: (call) => inventoryOf(endpointOf(call), call.query),
  renameEndpoint: (call) => {
    const endpoint = endpointOf(call);
    endpoint.displayName = call.body.displayName;
    return endpoint;
  },
  revokeEndpoint: (call) => {
    const endpoint = endpointOf(call);
    endpoint.state = 'revoked';
    record(call.world, 'endpoint.revoked', endpoint.endpointId);
    return endpoint;
  },
  listIncidents: ({ world, query }) => {
    const rows = world.incidents.filter(
      (row) =>
        (query.status === undefined || row.status === query.status) &&
        (query.lane === undefined || row.lane === query.lane) &&
        (query.endpointId === undefined || row.endpointId === query.endpointId),
    );
    return {
      open: {
        severe: open(world, 'severe'),
        attention: open(world, 'attention'),
        information: open(world, 'information'),
      },
      ...pageOf(rows.map(incidentRowOf), query, ['endpointName', 'title'], '-receivedAt'),
    };
  },
  getIncident: incidentOf,
  closeIncident: (call) => {
    const incident = incidentOf(call);
    const { resolution, note } = call.body;
    Object.assign(incident, {
      status: 'closed',
      resolution,
      closeNote: note,
      closedAt: Date.now(),
      closedBy: call.world.user.name,
    });
    recount(call.world);
    return incident;
  },
  reopenIncident: (call) => {
    const incident = incidentOf(call);
    incident.status = 'open';
    for (const key of ['resolution', 'closeNote', 'closedAt', 'closedBy'] as const) delete incident[key];
    recount(call.world);
    return incident;
  },
  exclusionProposals: (call) => {
    const { story } = incidentOf(call);
    const rule = found(story.detections.at(-1)?.rule);
    const file = story.files.find((each) => each.sha256 !== undefined);
    const path = found(story.processes.at(-1)?.image);
    return {
      items: [
        ...(file?.sha256 === undefined ? [] : [{ match: { by: 'sha256' as const, sha256: file.sha256 } }]),
        {
          match: { by: 'rule-path' as const, ruleId: rule.ruleId, path },
          ruleTitle: rule.localTitle?.ja.slice(0, 256) ?? rule.title,
        },
        {
          match: { by: 'rule' as const, ruleId: rule.ruleId },
          ruleTitle: rule.localTitle?.ja.slice(0, 256) ?? rule.title,
        },
      ],
    };
  },
  planExclusion: ({ world, body }) => {
    const mine = world.exclusions
      .filter((each) => each.endpointId === body.endpointId)
      .map(({ endpointId: _1, endpointName: _2, ...exclusion }) => exclusion);
    const now = Date.now();
    const exclusions =
      body.change === 'end'
        ? mine.filter((each) => each.exclusionId !== body.exclusionId)
        : [
            ...mine,
            {
              exclusionId: `exclusion-${randomUUID()}`,
              match: body.match,
              owner: world.user.name,
              reason: body.reason,
              createdAt: now,
              expiresAt: now + body.validDays * 86_400_000,
            },
          ];
    return { actions: [{ endpointId: body.endpointId, action: { kind: 'set-exclusions', version: 2, exclusions } }] };
  },
  listExclusions: ({ world }) => ({ items: world.exclusions }),
  listRulePacks: ({ world }) => ({
    items: world.rulePacks,
    endpoints: world.endpoints
      .filter(({ state }) => state !== 'revoked')
      .map(({ endpointId, displayName, platform, health }) => ({
        endpointId,
        endpointName: displayName,
        platform,
        ...(health === undefined ? {} : { rules: health.rules.loaded }),
        ...(health?.rulePack === undefined ? {} : { rulePack: health.rulePack }),
      })),
    ...standingPack(world),
  }),
  // The real console reads the file; a fake one has no use for a way to send it files.
  uploadRulePack: () => {
    throw new Refusal(422, 'pack_invalid');
  },
  removeRulePack: ({ world, params }) => {
    const index = world.rulePacks.findIndex((each) => each.sha256 === params['sha256']);
    if (index < 0) throw new Refusal(404, 'not_found');
    world.rulePacks.splice(index, 1);
    return undefined;
  },
  listRules: ({ world, query }) => rulePage(world, query),
  getRule: ({ world, params }) => found(ruleDetail(world, params['ruleId'])),
  listRuleTunings: ({ world }) => tuningList(world),
  planRuleTuning: ({ world, body }) => planTuning(world, body),
  placeStandingOrder: async ({ world, body }) => {
    const approval = await readTenantApproval(body.approval, (keyId) => world.approvers.get(keyId));
    if (approval === undefined) throw new Refusal(422, 'approval_signature');
    return placeStanding(world, approval);
  },
  getStandingOrder: ({ world, params }) =>
    found(world.standings.find((each) => each.standingId === params['standingId'])),
  listQuarantine: ({ world, query }) =>
    pageOf(
      quarantineRows(world).filter((row) => query.state === undefined || row.state === query.state),
      query,
      ['path', 'endpointName'],
      '-quarantinedAt',
    ),
  placeOrders: async ({ world, body }) => {
    const orders: OrderRow[] = [];
    for (const signed of body.approvals) {
      const approval = await readApproval(signed, (keyId) => world.approvers.get(keyId));
      if (approval === undefined) throw new Refusal(422, 'approval_signature');
      const endpoint = found(world.endpoints.find((each) => each.endpointId === approval.endpointId));
      const now = Date.now();
      const order: OrderRow = {
        orderId: `order-${randomUUID()}`,
        endpointId: endpoint.endpointId,
        endpointName: endpoint.displayName,
        action: approval.action,
        state: endpoint.state === 'offline' ? 'waiting' : 'sent',
        orderedBy: world.user.name,
        orderedAt: now,
        expiresAt: now + 24 * 3_600_000,
      };
      world.orders.unshift(order);
      record(world, 'order.placed', order.orderId, approval.action.kind);
      orders.push({ ...order });
      if (order.state === 'sent') deliver(world, order);
    }
    return { orders };
  },
  listOrders: ({ world, query }) => pageOf(world.orders, query, ['endpointName'], '-orderedAt'),
  getOrder: ({ world, params }) => found(world.orders.find((each) => each.orderId === params['orderId'])),
  getSubscriptions: ({ world, query }) => ({
    month: query.month ?? new Date().toISOString().slice(0, 7),
    pricePerSeatYen: 2_000,
    seats: world.seats,
    totalYen: world.seats.reduce((sum, seat) => sum + seat.amountYen, 0),
  }),
  endSeat: ({ world, params }) => {
    const seat = found(world.seats.find((each) => each.seatId === params['seatId']));
    seat.endedAt = Date.now();
    return seat;
  },
  listTokens: ({ world }) => ({ items: world.tokens }),
  createToken: ({ world, body }) => {
    const now = Date.now();
    const row = {
      tokenId: `token-${randomUUID()}`,
      label: body.label,
      createdAt: now,
      createdBy: world.user.name,
      expiresAt: now + body.validHours * 3_600_000,
      state: 'open' as const,
    };
    world.tokens.unshift(row);
    const token = `YGR1.${Buffer.from(randomUUID().repeat(6)).toString('base64url')}`;
    return {
      ...row,
      token,
      command: `sudo npx yagura-agent enroll --console https://console.example.co.jp:8443 --token ${token}`,
    };
  },
  withdrawToken: ({ world, params }) => {
    const token = found(world.tokens.find((each) => each.tokenId === params['tokenId']));
    token.state = 'withdrawn';
    return undefined;
  },
  listAudit: ({ world, query }) => pageOf(world.audit, query, ['actor', 'action', 'target'], '-sequence'),
};

/** The endpoint receives the order, works on it, and reports: each step is announced. */
function deliver(world: World, order: OrderRow): void {
  const step = (afterMs: number, state: OrderRow['state']) =>
    setTimeout(() => {
      order.state = state;
      if (state === 'done') {
        order.code = 'done';
        order.endedAt = Date.now();
        obey(world, order);
      }
      world.announce('orders', order.orderId);
    }, afterMs).unref();
  step(120, 'received');
  step(350, 'done');
}
