import type { Migration } from './migration.ts';

/** What each endpoint is made of, and what became different (SPEC IV1). */
export const inventory: Migration = {
  version: 2,
  name: 'inventory',
  statements: [
    `CREATE TABLE inventory_items (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, category text NOT NULL, key text NOT NULL,
      facts_json text NOT NULL, first_seen_at bigint NOT NULL, changed_at bigint NOT NULL, snapshot_id text,
      PRIMARY KEY (tenant_id, endpoint_id, category, key),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    `CREATE TABLE inventory_snapshots (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, snapshot_id text NOT NULL, parts_received bigint NOT NULL,
      is_first bigint NOT NULL, completed_at bigint,
      PRIMARY KEY (tenant_id, endpoint_id),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    `CREATE TABLE inventory_changes (
      tenant_id text NOT NULL, endpoint_id text NOT NULL, epoch text NOT NULL, sequence bigint NOT NULL,
      position bigint NOT NULL, received_at bigint NOT NULL, time bigint NOT NULL, category text NOT NULL,
      key text NOT NULL, kind text NOT NULL, before_json text, after_json text,
      PRIMARY KEY (tenant_id, endpoint_id, epoch, sequence, position),
      FOREIGN KEY (tenant_id, endpoint_id) REFERENCES endpoints (tenant_id, endpoint_id))`,
    'CREATE INDEX inventory_changes_by_time ON inventory_changes (tenant_id, endpoint_id, received_at)',
  ],
};
