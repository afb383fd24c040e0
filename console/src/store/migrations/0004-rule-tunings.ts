import type { Migration } from './migration.ts';

/** Rules that endpoints run, what people changed about them, and orders for whole tenants. */
export const ruleTunings: Migration = {
  version: 4,
  name: 'rule-tunings',
  statements: [
    `CREATE TABLE rule_sources (
      tenant_id text NOT NULL REFERENCES tenants, source_id text NOT NULL, kind text NOT NULL,
      sha256 text NOT NULL, name text NOT NULL, version text NOT NULL, added_at bigint NOT NULL,
      PRIMARY KEY (tenant_id, source_id))`,
    `CREATE TABLE rules (
      tenant_id text NOT NULL, source_id text NOT NULL, rule_id text NOT NULL,
      title text NOT NULL, system text NOT NULL, level text NOT NULL, level_rank bigint NOT NULL,
      search_text text NOT NULL, summary_json text NOT NULL,
      PRIMARY KEY (tenant_id, source_id, rule_id),
      FOREIGN KEY (tenant_id, source_id) REFERENCES rule_sources (tenant_id, source_id))`,
    'CREATE INDEX rules_by_id ON rules (tenant_id, rule_id)',
    `CREATE TABLE endpoint_rule_sources (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, source_id text NOT NULL,
      PRIMARY KEY (tenant_id, endpoint_id),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,

    `CREATE TABLE rule_detections (
      tenant_id text NOT NULL, rule_id text NOT NULL, incident_id text NOT NULL,
      detections bigint NOT NULL, received_at bigint NOT NULL,
      PRIMARY KEY (tenant_id, incident_id, rule_id),
      FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id))`,
    'CREATE INDEX rule_detections_by_rule ON rule_detections (tenant_id, rule_id, received_at)',
    'CREATE INDEX rule_detections_by_time ON rule_detections (tenant_id, received_at)',

    `CREATE TABLE standing_orders (
      tenant_id text NOT NULL REFERENCES tenants, standing_id text NOT NULL, subject text NOT NULL,
      action_json text NOT NULL, version bigint NOT NULL, approver_key_id text NOT NULL,
      ordered_by text NOT NULL, ordered_at bigint NOT NULL, expires_at bigint NOT NULL, replaced_at bigint,
      PRIMARY KEY (tenant_id, standing_id))`,
    'CREATE INDEX standing_orders_by_subject ON standing_orders (tenant_id, subject, replaced_at)',
    'ALTER TABLE orders ADD COLUMN standing_id text',
    'ALTER TABLE orders ADD COLUMN tunings_version bigint',
    'CREATE INDEX orders_by_standing ON orders (tenant_id, standing_id, endpoint_id)',
    `CREATE TABLE rule_tunings (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, tuning_id text NOT NULL, version bigint NOT NULL,
      expires_at bigint NOT NULL, tuning_json text NOT NULL,
      PRIMARY KEY (tenant_id, endpoint_id, tuning_id),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
  ],
};
