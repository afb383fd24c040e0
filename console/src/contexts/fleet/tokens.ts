import { createHash, X509Certificate } from 'node:crypto';
import { formatEnrolmentToken } from '@yagura/protocol';
import type { EnrolmentTokenRow } from '../../api/fleet.ts';
import { fail, signerFailure, succeed } from '../../platform/http-errors.ts';
import { hashSecret, newId, newSecret } from '../../platform/random.ts';
import type { EnrolmentTokensTable } from '../../store/schema.ts';
import type { Fleet, Origin } from './api.ts';
import { TOKEN_REFUSAL, tokenState } from './domain/token-state.ts';
import type { FleetOptions } from './fleet.ts';

const HOUR_MS = 3_600_000;
const LISTED_TOKENS = 500;

type Tokens = Pick<Fleet, 'checkToken' | 'consumeToken' | 'tokens' | 'createToken' | 'withdrawToken'>;

/** Enrolment tokens: single use, expiring, bound to a tenant; only a hash of the secret is kept. */
export function createTokens(options: FleetOptions): Tokens {
  const { store, clock, random, bus, audit, contracts, signer } = options;

  return {
    async checkToken(secret) {
      const row = await store.read
        .selectFrom('enrolment_tokens')
        .selectAll()
        .where('secret_hash', '=', hashSecret(secret))
        .executeTakeFirst();
      if (!row) return { ok: false, code: 'token_unknown' };
      const code = TOKEN_REFUSAL[tokenState(timesOf(row), clock.now())];
      return code === undefined ? { ok: true, tenantId: row.tenant_id } : { ok: false, code };
    },

    async consumeToken(tx, secret, facts) {
      const now = clock.now();
      const row = await tx.db
        .selectFrom('enrolment_tokens')
        .selectAll()
        .where('secret_hash', '=', hashSecret(secret))
        .executeTakeFirst();
      if (!row) return { ok: false, code: 'token_unknown' };
      const code = TOKEN_REFUSAL[tokenState(timesOf(row), now)];
      if (code !== undefined) return { ok: false, code };
      const origin: Origin = { tenantId: row.tenant_id, endpointId: facts.endpointId };
      await tx.db
        .insertInto('endpoints')
        .values({
          tenant_id: origin.tenantId,
          endpoint_id: origin.endpointId,
          display_name: facts.hostname.trim() === '' ? origin.endpointId : facts.hostname,
          hostname: facts.hostname,
          platform: facts.platform,
          agent_version: facts.agentVersion,
          policy: 'observe',
          enrolled_at: now,
          last_seen_at: null,
          connected_since: null,
          revoked_at: null,
          // Nothing is known of its sensors before the first report.
          degraded: 1,
          health_json: null,
          inventory_json: null,
        })
        .execute();
      await tx.db
        .updateTable('enrolment_tokens')
        .set({ used_at: now, endpoint_id: origin.endpointId })
        .where('tenant_id', '=', row.tenant_id)
        .where('token_id', '=', row.token_id)
        .execute();
      await contracts.startSeat(tx, { ...origin, at: now });
      await audit.record(tx, {
        tenantId: origin.tenantId,
        actor: `token ${row.token_id}`,
        action: 'endpoint.enrol',
        target: origin.endpointId,
        detail: facts.hostname,
      });
      tx.afterCommit(() => {
        bus.publish({ type: 'changed', tenantId: origin.tenantId, topic: 'endpoints', id: origin.endpointId });
        bus.publish({ type: 'changed', tenantId: origin.tenantId, topic: 'tokens', id: row.token_id });
      });
      return { ok: true, origin };
    },

    async tokens(tenantId) {
      const rows = await store.read
        .selectFrom('enrolment_tokens')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('created_at', 'desc')
        .orderBy('token_id')
        .limit(LISTED_TOKENS)
        .execute();
      const now = clock.now();
      return { items: rows.map((row) => toRow(row, now)) };
    },

    async createToken(actor, request) {
      const info = await signer.call('info', {});
      if (!info.ok) return signerFailure(info);
      const secret = newSecret(random);
      const now = clock.now();
      const row: EnrolmentTokensTable = {
        tenant_id: actor.tenantId,
        token_id: newId(random, 'tok'),
        secret_hash: hashSecret(secret),
        label: request.label,
        created_at: now,
        created_by: actor.name,
        expires_at: now + request.validHours * HOUR_MS,
        used_at: null,
        endpoint_id: null,
        withdrawn_at: null,
      };
      await store.write(async (tx) => {
        await tx.db.insertInto('enrolment_tokens').values(row).execute();
        await audit.record(tx, {
          tenantId: actor.tenantId,
          actor: actor.name,
          action: 'token.create',
          target: row.token_id,
          detail: `${request.validHours} h`,
        });
        tx.afterCommit(() => bus.publish({ type: 'changed', tenantId: actor.tenantId, topic: 'tokens' }));
      });
      const token = formatEnrolmentToken({
        v: 1,
        gateway: options.gatewayUrl(),
        secret,
        ca: sha256(new X509Certificate(info.value.ca).raw),
        orderKey: sha256(Buffer.from(info.value.orderKey, 'base64')),
      });
      return succeed({ ...toRow(row, now), token, command: `npx yagura-agent enroll --token ${token}` });
    },

    async withdrawToken(actor, tokenId) {
      return store.write(async (tx) => {
        const row = await tx.db
          .selectFrom('enrolment_tokens')
          .selectAll()
          .where('tenant_id', '=', actor.tenantId)
          .where('token_id', '=', tokenId)
          .executeTakeFirst();
        if (!row) return fail('not_found');
        if (tokenState(timesOf(row), clock.now()) !== 'open') return fail('token_not_open');
        await tx.db
          .updateTable('enrolment_tokens')
          .set({ withdrawn_at: clock.now() })
          .where('tenant_id', '=', actor.tenantId)
          .where('token_id', '=', tokenId)
          .execute();
        await audit.record(tx, {
          tenantId: actor.tenantId,
          actor: actor.name,
          action: 'token.withdraw',
          target: tokenId,
        });
        tx.afterCommit(() => bus.publish({ type: 'changed', tenantId: actor.tenantId, topic: 'tokens', id: tokenId }));
        return succeed(undefined);
      });
    },
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function timesOf(row: EnrolmentTokensTable) {
  return {
    expiresAt: row.expires_at,
    ...(row.used_at === null ? {} : { usedAt: row.used_at }),
    ...(row.withdrawn_at === null ? {} : { withdrawnAt: row.withdrawn_at }),
  };
}

function toRow(row: EnrolmentTokensTable, now: number): EnrolmentTokenRow {
  return {
    tokenId: row.token_id,
    label: row.label,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    ...(row.used_at === null ? {} : { usedAt: row.used_at }),
    ...(row.endpoint_id === null ? {} : { endpointId: row.endpoint_id }),
    state: tokenState(timesOf(row), now),
  };
}
