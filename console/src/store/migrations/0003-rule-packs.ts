import type { Migration } from './migration.ts';

/** Rule packs that a tenant may send to its endpoints. The content lies in files, named by tenant and hash. */
export const rulePacks: Migration = {
  version: 3,
  name: 'rule-packs',
  statements: [
    `CREATE TABLE rule_packs (
      tenant_id text NOT NULL REFERENCES tenants, sha256 text NOT NULL, size bigint NOT NULL,
      name text NOT NULL, version text NOT NULL, header_json text NOT NULL,
      uploaded_at bigint NOT NULL, uploaded_by text NOT NULL,
      PRIMARY KEY (tenant_id, sha256))`,
  ],
};
