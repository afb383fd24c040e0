import type { Migration } from './migration.ts';

/** All tables of the first floor. Every table carries the tenant, and keys begin with it. */
export const firstSchema: Migration = {
  version: 1,
  name: 'first-schema',
  statements: [
    `CREATE TABLE tenants (
      tenant_id text PRIMARY KEY, name text NOT NULL, created_at bigint NOT NULL)`,

    `CREATE TABLE users (
      tenant_id text NOT NULL REFERENCES tenants, user_id text NOT NULL, name text NOT NULL,
      role text NOT NULL CHECK (role IN ('admin', 'viewer')), created_at bigint NOT NULL,
      PRIMARY KEY (tenant_id, user_id))`,
    `CREATE TABLE sessions (
      session_hash text PRIMARY KEY, tenant_id text NOT NULL, user_id text NOT NULL,
      created_at bigint NOT NULL, last_seen_at bigint NOT NULL, expires_at bigint NOT NULL,
      FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id))`,
    'CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id)',
    `CREATE TABLE sign_in_links (
      link_hash text PRIMARY KEY, tenant_id text NOT NULL, user_id text NOT NULL,
      created_at bigint NOT NULL, expires_at bigint NOT NULL, used_at bigint,
      FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id))`,

    `CREATE TABLE endpoints (
      tenant_id text NOT NULL REFERENCES tenants, endpoint_id text NOT NULL, display_name text NOT NULL,
      hostname text NOT NULL, platform text NOT NULL, agent_version text NOT NULL, policy text NOT NULL,
      enrolled_at bigint NOT NULL, last_seen_at bigint, connected_since bigint, revoked_at bigint,
      degraded bigint NOT NULL, health_json text, inventory_json text,
      PRIMARY KEY (tenant_id, endpoint_id))`,
    `CREATE TABLE certificates (
      tenant_id text NOT NULL, serial text NOT NULL, endpoint_id text NOT NULL,
      issued_at bigint NOT NULL, expires_at bigint NOT NULL, revoked_at bigint,
      PRIMARY KEY (tenant_id, serial),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    'CREATE UNIQUE INDEX certificates_by_serial ON certificates (serial)',
    'CREATE INDEX certificates_by_endpoint ON certificates (tenant_id, endpoint_id)',
    `CREATE TABLE enrolment_tokens (
      tenant_id text NOT NULL REFERENCES tenants, token_id text NOT NULL, secret_hash text NOT NULL UNIQUE,
      label text NOT NULL, created_at bigint NOT NULL, created_by text NOT NULL, expires_at bigint NOT NULL,
      used_at bigint, endpoint_id text, withdrawn_at bigint,
      PRIMARY KEY (tenant_id, token_id))`,

    `CREATE TABLE received_ranges (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, epoch text NOT NULL, ranges_json text NOT NULL,
      updated_at bigint NOT NULL,
      PRIMARY KEY (tenant_id, endpoint_id, epoch),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    `CREATE TABLE events (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, epoch text NOT NULL, sequence bigint NOT NULL,
      event_id text NOT NULL, time bigint NOT NULL, received_at bigint NOT NULL, category text, entity_id text,
      event_json text NOT NULL,
      PRIMARY KEY (tenant_id, endpoint_id, epoch, sequence))`,
    `CREATE TABLE gaps (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, epoch text NOT NULL, sequence bigint NOT NULL,
      received_at bigint NOT NULL, gap_json text NOT NULL,
      PRIMARY KEY (tenant_id, endpoint_id, epoch, sequence))`,

    `CREATE TABLE incidents (
      tenant_id text NOT NULL, incident_id text NOT NULL, endpoint_id text NOT NULL, story_id text NOT NULL,
      revision bigint NOT NULL, lane text NOT NULL, severity text NOT NULL, severity_rank bigint NOT NULL,
      containment text NOT NULL, safe_test bigint NOT NULL,
      status text NOT NULL CHECK (status IN ('open', 'closed')), resolution text,
      title_ja text, title_en text NOT NULL, detection_count bigint NOT NULL,
      endpoint_time bigint NOT NULL, occurred_at bigint NOT NULL, received_at bigint NOT NULL,
      judged_at bigint NOT NULL, delivered_at bigint, updated_at bigint NOT NULL,
      closed_at bigint, closed_by text, close_note text,
      PRIMARY KEY (tenant_id, incident_id),
      UNIQUE (tenant_id, endpoint_id, story_id),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    'CREATE INDEX incidents_by_status ON incidents (tenant_id, status, received_at)',
    'CREATE INDEX incidents_by_endpoint ON incidents (tenant_id, endpoint_id, status, lane)',
    `CREATE TABLE incident_stories (
      tenant_id text NOT NULL, incident_id text NOT NULL, story_json text NOT NULL,
      PRIMARY KEY (tenant_id, incident_id),
      FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id))`,

    `CREATE TABLE orders (
      tenant_id text NOT NULL, order_id text NOT NULL, endpoint_id text NOT NULL, approval_id text NOT NULL,
      kind text NOT NULL, action_json text NOT NULL, state text NOT NULL, code text, counter bigint NOT NULL,
      approver_key_id text NOT NULL, ordered_by text NOT NULL, ordered_at bigint NOT NULL,
      expires_at bigint NOT NULL, ended_at bigint, story_id text, quarantine_id text, exclusions_version bigint,
      signed_payload text NOT NULL, signature text NOT NULL,
      PRIMARY KEY (tenant_id, order_id),
      UNIQUE (tenant_id, approval_id),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    'CREATE INDEX orders_by_endpoint ON orders (tenant_id, endpoint_id, state)',
    'CREATE INDEX orders_by_time ON orders (tenant_id, ordered_at)',
    `CREATE TABLE outcomes (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, action_id text NOT NULL, order_id text, story_id text,
      received_at bigint NOT NULL, outcome_json text NOT NULL,
      PRIMARY KEY (tenant_id, endpoint_id, action_id))`,
    `CREATE TABLE quarantine_items (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, quarantine_id text NOT NULL, story_id text,
      path text NOT NULL, sha256 text NOT NULL, state text NOT NULL, quarantined_at bigint NOT NULL,
      updated_at bigint NOT NULL, item_json text NOT NULL,
      PRIMARY KEY (tenant_id, endpoint_id, quarantine_id),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    'CREATE INDEX quarantine_items_by_time ON quarantine_items (tenant_id, quarantined_at)',
    `CREATE TABLE exclusions (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, exclusion_id text NOT NULL, version bigint NOT NULL,
      expires_at bigint NOT NULL, exclusion_json text NOT NULL,
      PRIMARY KEY (tenant_id, endpoint_id, exclusion_id),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,

    `CREATE TABLE seats (
      tenant_id text NOT NULL, seat_id text NOT NULL, endpoint_id text NOT NULL,
      started_at bigint NOT NULL, ended_at bigint, replaces_seat_id text,
      PRIMARY KEY (tenant_id, seat_id),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    'CREATE INDEX seats_by_endpoint ON seats (tenant_id, endpoint_id)',

    `CREATE TABLE audit_log (
      tenant_id text NOT NULL REFERENCES tenants, sequence bigint NOT NULL, time bigint NOT NULL, actor text NOT NULL,
      action text NOT NULL, target text, detail text, previous_hash text NOT NULL, hash text NOT NULL,
      PRIMARY KEY (tenant_id, sequence))`,
  ],
  sqlite: [
    `CREATE TRIGGER audit_log_is_append_only_update BEFORE UPDATE ON audit_log
      BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END`,
    `CREATE TRIGGER audit_log_is_append_only_delete BEFORE DELETE ON audit_log
      BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END`,
  ],
};
