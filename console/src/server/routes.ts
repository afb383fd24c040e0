import type { Alerts } from '../contexts/alerts/api.ts';
import type { Audit } from '../contexts/audit/api.ts';
import type { Contracts } from '../contexts/contracts/api.ts';
import type { Fleet } from '../contexts/fleet/api.ts';
import type { Identity } from '../contexts/identity/api.ts';
import type { Inventories } from '../contexts/inventory/api.ts';
import type { Response } from '../contexts/response/api.ts';
import type { RulePacks } from '../contexts/rule-packs/api.ts';
import type { Rules } from '../contexts/rules/api.ts';
import { orNotFound, succeed } from '../platform/http-errors.ts';
import type { Handlers } from '../platform/http-handler.ts';

export interface Contexts {
  readonly alerts: Alerts;
  readonly audit: Audit;
  readonly contracts: Contracts;
  readonly fleet: Fleet;
  readonly identity: Identity;
  readonly inventories: Inventories;
  readonly response: Response;
  readonly rulePacks: RulePacks;
  readonly rules: Rules;
}

/** Which context answers which operation. The tenant is always the session's, never the request's. */
export function createHandlers(contexts: Contexts): Handlers {
  const { alerts, audit, contracts, fleet, identity, inventories, response, rulePacks, rules } = contexts;
  return {
    signIn: async ({ body, cookieSecret }) => {
      const result = await identity.signIn(body.secret, cookieSecret);
      if (!result.ok) return result;
      return {
        ok: true,
        value: await identity.describe(result.value.session),
        cookie: { set: result.value.cookieSecret },
      };
    },
    signOut: async ({ session }) => {
      await identity.signOut(session);
      return { ok: true, value: undefined, cookie: 'clear' };
    },
    session: async ({ session }) => succeed(await identity.describe(session)),
    registerApprover: ({ session, body }) => identity.registerApprover(session.actor, body),

    listEndpoints: ({ session, query }) => fleet.page(session.actor.tenantId, query),
    getEndpoint: async ({ session, params }) =>
      orNotFound(await fleet.detail(session.actor.tenantId, params.endpointId)),
    getEndpointInventory: ({ session, params, query }) =>
      inventories.page(session.actor.tenantId, params.endpointId, query),
    renameEndpoint: async ({ session, params, body }) =>
      orNotFound(await fleet.rename(session.actor, params.endpointId, body.displayName)),
    revokeEndpoint: async ({ session, params }) => orNotFound(await fleet.revoke(session.actor, params.endpointId)),

    listIncidents: ({ session, query }) => alerts.page(session.actor.tenantId, query),
    getIncident: async ({ session, params }) =>
      orNotFound(await alerts.detail(session.actor.tenantId, params.incidentId)),
    closeIncident: ({ session, params, body }) => alerts.close(session.actor, params.incidentId, body),
    reopenIncident: ({ session, params }) => alerts.reopen(session.actor, params.incidentId),

    exclusionProposals: ({ session, params }) => response.proposeExclusions(session.actor.tenantId, params.incidentId),
    planExclusion: ({ session, body }) => response.planExclusion(session.actor, body),
    listExclusions: async ({ session }) => succeed(await response.exclusions(session.actor.tenantId)),
    listQuarantine: ({ session, query }) => response.quarantine(session.actor.tenantId, query),
    placeOrders: ({ session, body }) => response.place(session.actor, body.approvals),
    listOrders: ({ session, query }) => response.orders(session.actor.tenantId, query),
    getOrder: async ({ session, params }) => orNotFound(await response.order(session.actor.tenantId, params.orderId)),

    listRulePacks: async ({ session }) => succeed(await rulePacks.list(session.actor.tenantId)),
    uploadRulePack: ({ session, upload }) => rulePacks.add(session.actor, upload),
    removeRulePack: async ({ session, params }) => {
      const result = await rulePacks.remove(session.actor, params.sha256);
      return result.ok ? { ok: true, value: undefined } : result;
    },

    listRules: ({ session, query }) => rules.page(session.actor.tenantId, query),
    getRule: async ({ session, params }) => orNotFound(await rules.detail(session.actor.tenantId, params.ruleId)),
    listRuleTunings: async ({ session }) => succeed(await response.tunings(session.actor.tenantId)),
    planRuleTuning: ({ session, body }) => response.planTuning(session.actor, body),
    placeStandingOrder: ({ session, body }) => response.placeStanding(session.actor, body.approval),
    getStandingOrder: async ({ session, params }) =>
      orNotFound(await response.standingOrder(session.actor.tenantId, params.standingId)),

    getSubscriptions: async ({ session, query }) => succeed(await contracts.month(session.actor.tenantId, query.month)),
    endSeat: ({ session, params }) => contracts.endSeat(session.actor, params.seatId),

    listTokens: async ({ session }) => succeed(await fleet.tokens(session.actor.tenantId)),
    createToken: ({ session, body }) => fleet.createToken(session.actor, body),
    withdrawToken: async ({ session, params }) => {
      const result = await fleet.withdrawToken(session.actor, params.tokenId);
      return result.ok ? { ok: true, value: undefined } : result;
    },
    listAudit: ({ session, query }) => audit.page(session.actor.tenantId, query),
  };
}
