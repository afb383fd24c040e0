import type {
  AuditEntry,
  EndpointDetail,
  EnrolmentTokenRow,
  ExclusionRow,
  IncidentDetail,
  LiveTopic,
  OrderRow,
  RouteName,
  RulePackRow,
  RuleRow,
  RuleTuningRow,
  SeatRow,
  StandingOrderRow,
} from '@yagura/console/api/index.ts';

/** How a route misbehaves, for the screens of errors and of waiting. */
export type Fault = { readonly status: number; readonly code: string } | 'hang';

/** All that the fake console knows. Plain data that handlers change in place. */
export interface World {
  readonly startedAt: number;
  readonly tenant: { readonly tenantId: string; readonly name: string };
  readonly user: { readonly userId: string; readonly name: string; readonly role: 'admin' | 'viewer' };
  readonly endpoints: EndpointDetail[];
  readonly incidents: IncidentDetail[];
  readonly orders: OrderRow[];
  readonly exclusions: ExclusionRow[];
  readonly rulePacks: RulePackRow[];
  readonly rules: RuleRow[];
  readonly tunings: RuleTuningRow[];
  readonly standings: StandingOrderRow[];
  readonly tokens: EnrolmentTokenRow[];
  readonly audit: AuditEntry[];
  readonly seats: SeatRow[];
  readonly faults: Map<RouteName, Fault>;
  /** Public keys (SPKI, base64) by approver key id. */
  readonly approvers: Map<string, string>;
  /** Secrets of links that have not been used, each with its approver code. */
  readonly links: Map<string, string>;
  sessions: number;
  /** Set by the server: tells every connected browser. */
  announce: (topic: LiveTopic, id?: string) => void;
}

export function emptyWorld(now: number): World {
  return {
    startedAt: now,
    tenant: { tenantId: 'tenant-1', name: '株式会社やぐら商事' },
    user: { userId: 'user-1', name: '総務 田中', role: 'admin' },
    endpoints: [],
    incidents: [],
    orders: [],
    exclusions: [],
    rulePacks: [],
    rules: [],
    tunings: [],
    standings: [],
    tokens: [],
    audit: [],
    seats: [],
    faults: new Map(),
    approvers: new Map(),
    links: new Map(),
    sessions: 0,
    announce: () => {},
  };
}

export function record(world: World, action: string, target?: string, detail?: string): void {
  world.audit.unshift({
    sequence: world.audit.length + 1,
    time: Date.now(),
    actor: world.user.name,
    action,
    ...(target === undefined ? {} : { target }),
    ...(detail === undefined ? {} : { detail }),
  });
}
