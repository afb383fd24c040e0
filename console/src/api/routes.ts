import { LIMITS } from '@yagura/protocol';
import type { z } from 'zod';
import {
  CreatedEnrolmentToken,
  CreateEnrolmentToken,
  EndpointDetail,
  EndpointPage,
  EndpointQuery,
  EnrolmentTokenList,
  ListQuery,
  RenameEndpoint,
  SeatRow,
  SubscriptionMonth,
  SubscriptionQuery,
} from './fleet.ts';
import {
  CloseIncident,
  ExclusionList,
  ExclusionPlan,
  ExclusionProposals,
  IncidentDetail,
  IncidentPage,
  IncidentQuery,
  OrderList,
  OrderRow,
  PlacedOrders,
  PlaceOrders,
  PlanExclusion,
  QuarantinePage,
  QuarantineQuery,
} from './incidents.ts';
import { EndpointInventory, EndpointInventoryQuery } from './inventory.ts';
import { RulePackList, RulePackRow } from './rule-packs.ts';
import {
  PlaceStandingOrder,
  PlanRuleTuning,
  RuleDetail,
  RulePage,
  RuleQuery,
  RuleTuningList,
  RuleTuningPlan,
  StandingOrderRow,
} from './rules.ts';
import {
  AuditPage,
  RegisterApproverRequest,
  RegisterApproverResponse,
  type Role,
  Session,
  SignInRequest,
} from './session.ts';

/** One operation of the HTTP interface. `role` is the weakest that may call it; `none` needs no session. */
export interface RouteContract {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Express notation: `:name` is a path parameter holding an id. */
  readonly path: `/api/${string}`;
  readonly role: Role | 'none';
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Bytes of a body that is no JSON (`application/octet-stream`) and is handed on as it comes. */
  readonly upload?: number;
  /** Absent: 204 without content. */
  readonly response?: z.ZodType;
}

/**
 * The whole HTTP interface: the server mounts exactly these, the web calls them by name, and
 * `/api/openapi.json` is made from them.
 */
export const ROUTES = {
  signIn: {
    method: 'POST',
    path: '/api/sign-in',
    role: 'none',
    summary: 'Uses up a one-time link',
    body: SignInRequest,
    response: Session,
  },
  signOut: { method: 'POST', path: '/api/sign-out', role: 'viewer', summary: 'Ends this session' },
  session: { method: 'GET', path: '/api/session', role: 'viewer', summary: 'Who is signed in', response: Session },
  registerApprover: {
    method: 'POST',
    path: '/api/approver-keys',
    role: 'admin',
    summary: 'Registers this browser for approving orders',
    body: RegisterApproverRequest,
    response: RegisterApproverResponse,
  },
  listEndpoints: {
    method: 'GET',
    path: '/api/endpoints',
    role: 'viewer',
    summary: 'The fleet',
    query: EndpointQuery,
    response: EndpointPage,
  },
  getEndpoint: {
    method: 'GET',
    path: '/api/endpoints/:endpointId',
    role: 'viewer',
    summary: 'One endpoint',
    response: EndpointDetail,
  },
  getEndpointInventory: {
    method: 'GET',
    path: '/api/endpoints/:endpointId/inventory',
    role: 'viewer',
    summary: 'What it is made of, and what became different',
    query: EndpointInventoryQuery,
    response: EndpointInventory,
  },
  renameEndpoint: {
    method: 'PATCH',
    path: '/api/endpoints/:endpointId',
    role: 'admin',
    summary: 'Names an endpoint',
    body: RenameEndpoint,
    response: EndpointDetail,
  },
  revokeEndpoint: {
    method: 'POST',
    path: '/api/endpoints/:endpointId/revoke',
    role: 'admin',
    summary: 'Revokes its certificate and drops its session',
    response: EndpointDetail,
  },
  listIncidents: {
    method: 'GET',
    path: '/api/incidents',
    role: 'viewer',
    summary: 'Incidents, newest first',
    query: IncidentQuery,
    response: IncidentPage,
  },
  getIncident: {
    method: 'GET',
    path: '/api/incidents/:incidentId',
    role: 'viewer',
    summary: 'One incident',
    response: IncidentDetail,
  },
  closeIncident: {
    method: 'POST',
    path: '/api/incidents/:incidentId/close',
    role: 'admin',
    summary: 'Closes an incident',
    body: CloseIncident,
    response: IncidentDetail,
  },
  reopenIncident: {
    method: 'POST',
    path: '/api/incidents/:incidentId/reopen',
    role: 'admin',
    summary: 'Opens a closed incident again',
    response: IncidentDetail,
  },
  exclusionProposals: {
    method: 'GET',
    path: '/api/incidents/:incidentId/exclusion-proposals',
    role: 'viewer',
    summary: 'What could be excluded',
    response: ExclusionProposals,
  },
  planExclusion: {
    method: 'POST',
    path: '/api/exclusions/plan',
    role: 'admin',
    summary: 'The orders that a change of exclusions needs',
    body: PlanExclusion,
    response: ExclusionPlan,
  },
  listExclusions: {
    method: 'GET',
    path: '/api/exclusions',
    role: 'viewer',
    summary: 'Exclusions in force',
    response: ExclusionList,
  },
  listRulePacks: {
    method: 'GET',
    path: '/api/rule-packs',
    role: 'viewer',
    summary: 'Rule packs, and which endpoint runs which',
    response: RulePackList,
  },
  uploadRulePack: {
    method: 'POST',
    path: '/api/rule-packs',
    role: 'admin',
    summary: 'Stores a compiled rule pack; sends it to nobody',
    upload: LIMITS.rulePackBytes,
    response: RulePackRow,
  },
  removeRulePack: {
    method: 'DELETE',
    path: '/api/rule-packs/:sha256',
    role: 'admin',
    summary: 'Removes a rule pack that no endpoint uses',
  },
  listRules: {
    method: 'GET',
    path: '/api/rules',
    role: 'viewer',
    summary: 'Detection rules that endpoints run, their own and those of packs',
    query: RuleQuery,
    response: RulePage,
  },
  getRule: {
    method: 'GET',
    path: '/api/rules/:ruleId',
    role: 'viewer',
    summary: 'One rule, and the incidents in which it was seen last',
    response: RuleDetail,
  },
  listRuleTunings: {
    method: 'GET',
    path: '/api/rule-tunings',
    role: 'viewer',
    summary: 'Rules that people disabled or gave another level, and rules that endpoints suspended',
    response: RuleTuningList,
  },
  planRuleTuning: {
    method: 'POST',
    path: '/api/rule-tunings/plan',
    role: 'admin',
    summary: 'What has to be approved to tune a rule or to end that',
    body: PlanRuleTuning,
    response: RuleTuningPlan,
  },
  placeStandingOrder: {
    method: 'POST',
    path: '/api/standing-orders',
    role: 'admin',
    summary: 'Hands what was approved for the whole tenant to the signer; every endpoint gets an order of its own',
    body: PlaceStandingOrder,
    response: StandingOrderRow,
  },
  getStandingOrder: {
    method: 'GET',
    path: '/api/standing-orders/:standingId',
    role: 'viewer',
    summary: 'How far an order for the whole tenant has come',
    response: StandingOrderRow,
  },
  listQuarantine: {
    method: 'GET',
    path: '/api/quarantine',
    role: 'viewer',
    summary: 'Files held by endpoints',
    query: QuarantineQuery,
    response: QuarantinePage,
  },
  placeOrders: {
    method: 'POST',
    path: '/api/orders',
    role: 'admin',
    summary: 'Hands approved orders to the signer and the endpoints',
    body: PlaceOrders,
    response: PlacedOrders,
  },
  listOrders: {
    method: 'GET',
    path: '/api/orders',
    role: 'viewer',
    summary: 'Orders, newest first',
    query: ListQuery,
    response: OrderList,
  },
  getOrder: {
    method: 'GET',
    path: '/api/orders/:orderId',
    role: 'viewer',
    summary: 'One order and how it stands',
    response: OrderRow,
  },
  getSubscriptions: {
    method: 'GET',
    path: '/api/subscriptions',
    role: 'viewer',
    summary: 'Seats and total of a month',
    query: SubscriptionQuery,
    response: SubscriptionMonth,
  },
  endSeat: {
    method: 'POST',
    path: '/api/subscriptions/:seatId/end',
    role: 'admin',
    summary: 'Ends a seat and with it the protection of its endpoint',
    response: SeatRow,
  },
  listTokens: {
    method: 'GET',
    path: '/api/tokens',
    role: 'admin',
    summary: 'Enrolment tokens',
    response: EnrolmentTokenList,
  },
  createToken: {
    method: 'POST',
    path: '/api/tokens',
    role: 'admin',
    summary: 'Makes an enrolment token, shown once',
    body: CreateEnrolmentToken,
    response: CreatedEnrolmentToken,
  },
  withdrawToken: {
    method: 'DELETE',
    path: '/api/tokens/:tokenId',
    role: 'admin',
    summary: 'Withdraws an unused token',
  },
  listAudit: {
    method: 'GET',
    path: '/api/audit',
    role: 'admin',
    summary: 'What people and processes did, newest first',
    query: ListQuery,
    response: AuditPage,
  },
} as const satisfies Record<string, RouteContract>;

export type RouteName = keyof typeof ROUTES;
