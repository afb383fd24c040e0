/**
 * The tables as queries see them. Every table names the tenant, and each has one writing context, named in
 * front of it. Times are console time in milliseconds since the Unix epoch unless a comment says otherwise;
 * flags are 0 or 1; `*_json` columns hold what the schema of that name validated before it was stored.
 */
export interface Tables {
  /** tenants */
  tenants: { tenant_id: string; name: string; created_at: number };
  /** identity */
  users: UsersTable;
  sessions: SessionsTable;
  sign_in_links: SignInLinksTable;
  /** fleet */
  endpoints: EndpointsTable;
  certificates: CertificatesTable;
  enrolment_tokens: EnrolmentTokensTable;
  /** ingest */
  received_ranges: ReceivedRangesTable;
  events: EventsTable;
  gaps: GapsTable;
  /** alerts */
  incidents: IncidentsTable;
  incident_stories: IncidentStoriesTable;
  rule_detections: RuleDetectionsTable;
  /** response */
  orders: OrdersTable;
  outcomes: OutcomesTable;
  quarantine_items: QuarantineItemsTable;
  exclusions: ExclusionsTable;
  standing_orders: StandingOrdersTable;
  rule_tunings: RuleTuningsTable;
  /** inventory */
  inventory_items: InventoryItemsTable;
  inventory_snapshots: InventorySnapshotsTable;
  inventory_changes: InventoryChangesTable;
  /** rule-packs */
  rule_packs: RulePacksTable;
  /** rules */
  rule_sources: RuleSourcesTable;
  rules: RulesTable;
  endpoint_rule_sources: EndpointRuleSourcesTable;
  /** contracts */
  seats: SeatsTable;
  /** audit */
  audit_log: AuditLogTable;
}

export interface UsersTable {
  tenant_id: string;
  user_id: string;
  name: string;
  role: 'admin' | 'viewer';
  created_at: number;
}

export interface SessionsTable {
  /** SHA-256 of the cookie's secret: a copy of the database signs nobody in. */
  session_hash: string;
  tenant_id: string;
  user_id: string;
  created_at: number;
  last_seen_at: number;
  expires_at: number;
}

export interface SignInLinksTable {
  link_hash: string;
  tenant_id: string;
  user_id: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

export interface EndpointsTable {
  tenant_id: string;
  endpoint_id: string;
  display_name: string;
  hostname: string;
  platform: 'linux' | 'windows' | 'macos';
  agent_version: string;
  policy: 'observe' | 'balanced';
  enrolled_at: number;
  last_seen_at: number | null;
  /** Start of the live session; null while there is none. Cleared when the console starts. */
  connected_since: number | null;
  revoked_at: number | null;
  /** A sensor is not active, by the newest health report. */
  degraded: number;
  health_json: string | null;
  inventory_json: string | null;
}

export interface CertificatesTable {
  tenant_id: string;
  /** Hex, as in the certificate. */
  serial: string;
  endpoint_id: string;
  issued_at: number;
  expires_at: number;
  revoked_at: number | null;
}

export interface EnrolmentTokensTable {
  tenant_id: string;
  token_id: string;
  secret_hash: string;
  label: string;
  created_at: number;
  created_by: string;
  expires_at: number;
  used_at: number | null;
  endpoint_id: string | null;
  withdrawn_at: number | null;
}

export interface ReceivedRangesTable {
  tenant_id: string;
  endpoint_id: string;
  epoch: string;
  /** Sorted, disjoint `[from, to]` pairs of sequences that were committed. */
  ranges_json: string;
  updated_at: number;
}

export interface EventsTable {
  tenant_id: string;
  endpoint_id: string;
  epoch: string;
  sequence: number;
  event_id: string;
  /** As the endpoint's clock said. */
  time: number;
  received_at: number;
  category: string | null;
  entity_id: string | null;
  event_json: string;
}

export interface GapsTable {
  tenant_id: string;
  endpoint_id: string;
  epoch: string;
  sequence: number;
  received_at: number;
  gap_json: string;
}

export interface InventoryItemsTable {
  tenant_id: string;
  endpoint_id: string;
  category: string;
  key: string;
  facts_json: string;
  first_seen_at: number;
  changed_at: number;
  /** Of the last snapshot that named it; null when only differences did. */
  snapshot_id: string | null;
}

export interface InventorySnapshotsTable {
  tenant_id: string;
  endpoint_id: string;
  /** The newest one of which a part came. */
  snapshot_id: string;
  parts_received: number;
  /** Nothing was known of the endpoint before it: then what it names is no news. */
  is_first: number;
  completed_at: number | null;
}

export interface InventoryChangesTable {
  tenant_id: string;
  endpoint_id: string;
  epoch: string;
  sequence: number;
  /** Among the changes of one item. */
  position: number;
  received_at: number;
  /** As the endpoint's clock said. */
  time: number;
  category: string;
  key: string;
  kind: 'added' | 'changed' | 'removed';
  before_json: string | null;
  after_json: string | null;
}

export interface IncidentsTable {
  tenant_id: string;
  incident_id: string;
  endpoint_id: string;
  story_id: string;
  revision: number;
  lane: 'severe' | 'attention' | 'information';
  severity: 'informational' | 'low' | 'medium' | 'high' | 'critical';
  /** Position of `severity` in SEVERITIES, for sorting. */
  severity_rank: number;
  containment: 'observed' | 'in-progress' | 'partial' | 'complete';
  safe_test: number;
  status: 'open' | 'closed';
  resolution: 'handled' | 'false-positive' | 'accepted' | 'test' | null;
  title_ja: string | null;
  title_en: string;
  detection_count: number;
  /** As the endpoint's clock said. */
  endpoint_time: number;
  /** Endpoint's clock, corrected by its measured offset. */
  occurred_at: number;
  received_at: number;
  judged_at: number;
  /** When a notice about it was accepted by somebody. */
  delivered_at: number | null;
  updated_at: number;
  closed_at: number | null;
  closed_by: string | null;
  close_note: string | null;
}

export interface IncidentStoriesTable {
  tenant_id: string;
  incident_id: string;
  story_json: string;
}

export interface OrdersTable {
  tenant_id: string;
  order_id: string;
  endpoint_id: string;
  approval_id: string;
  kind: string;
  action_json: string;
  state: 'waiting' | 'sent' | 'received' | 'done' | 'failed' | 'refused' | 'expired';
  code: string | null;
  counter: number;
  approver_key_id: string;
  ordered_by: string;
  ordered_at: number;
  expires_at: number;
  ended_at: number | null;
  /** What the order is about, to show it with its incident or file. */
  story_id: string | null;
  quarantine_id: string | null;
  /** Version that a set-exclusions order brings. */
  exclusions_version: number | null;
  /** Version that a set-rule-tunings order brings. */
  tunings_version: number | null;
  /** The standing order of the tenant that it was made of. */
  standing_id: string | null;
  signed_payload: string;
  signature: string;
}

export interface OutcomesTable {
  tenant_id: string;
  endpoint_id: string;
  action_id: string;
  order_id: string | null;
  story_id: string | null;
  received_at: number;
  outcome_json: string;
}

export interface QuarantineItemsTable {
  tenant_id: string;
  endpoint_id: string;
  quarantine_id: string;
  story_id: string | null;
  path: string;
  sha256: string;
  state: 'held' | 'restored' | 'deleted';
  quarantined_at: number;
  updated_at: number;
  item_json: string;
}

export interface ExclusionsTable {
  tenant_id: string;
  endpoint_id: string;
  exclusion_id: string;
  /** Of the set that the endpoint accepted. */
  version: number;
  expires_at: number;
  exclusion_json: string;
}

export interface RulePacksTable {
  tenant_id: string;
  sha256: string;
  size: number;
  name: string;
  version: string;
  /** `RulePackHeader` of the protocol, as the pack's first line has it. */
  header_json: string;
  uploaded_at: number;
  uploaded_by: string;
}

/** What agents bring, and packs: where rules come from. */
export interface RuleSourcesTable {
  tenant_id: string;
  source_id: string;
  kind: 'built-in' | 'pack';
  /** Of the catalogue, or of the pack's file. */
  sha256: string;
  name: string;
  version: string;
  added_at: number;
}

export interface RulesTable {
  tenant_id: string;
  source_id: string;
  rule_id: string;
  title: string;
  system: 'linux' | 'windows' | 'macos' | 'any' | 'other';
  level: 'informational' | 'low' | 'medium' | 'high' | 'critical';
  level_rank: number;
  /** Titles, id, techniques and author, in lower case. */
  search_text: string;
  summary_json: string;
}

/** The built-in rules that an endpoint last reported. */
export interface EndpointRuleSourcesTable {
  tenant_id: string;
  endpoint_id: string;
  source_id: string;
}

export interface RuleDetectionsTable {
  tenant_id: string;
  rule_id: string;
  incident_id: string;
  detections: number;
  /** When a revision last brought one more. */
  received_at: number;
}

/** What people approved for whole tenants. At most one of a subject is not replaced. */
export interface StandingOrdersTable {
  tenant_id: string;
  standing_id: string;
  subject: 'rule-tunings' | 'rule-pack';
  action_json: string;
  version: number;
  approver_key_id: string;
  ordered_by: string;
  ordered_at: number;
  expires_at: number;
  replaced_at: number | null;
}

/** Of the sets that endpoints accepted for themselves alone. */
export interface RuleTuningsTable {
  tenant_id: string;
  endpoint_id: string;
  tuning_id: string;
  version: number;
  expires_at: number;
  tuning_json: string;
}

export interface SeatsTable {
  tenant_id: string;
  seat_id: string;
  endpoint_id: string;
  started_at: number;
  ended_at: number | null;
  /** The seat that this one continues: a replaced PC is charged once. */
  replaces_seat_id: string | null;
}

export interface AuditLogTable {
  tenant_id: string;
  sequence: number;
  time: number;
  actor: string;
  action: string;
  target: string | null;
  detail: string | null;
  previous_hash: string;
  hash: string;
}
