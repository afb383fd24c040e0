/**
 * Upper bounds of everything that crosses the wire (SPEC LI1). Lengths of strings are in UTF-16 code
 * units, sizes in bytes. A peer that exceeds one is refused with `limit_exceeded`, never truncated silently:
 * the sender shortens and says so (`truncated` on the event).
 */
export const LIMITS = {
  /** Bytes of one WebSocket frame as it travels. */
  frameBytes: 1_048_576,
  /** Bytes of one batch after decompression. */
  batchBytes: 8_388_608,
  batchItems: 1_000,
  fieldsPerEvent: 96,
  fieldName: 64,
  fieldValue: 32_768,
  id: 64,
  shortText: 256,
  path: 8_192,
  text: 4_096,
  detectionsPerStory: 50,
  processesPerStory: 200,
  filesPerStory: 100,
  actionsPerStory: 200,
  exclusions: 1_000,
  /** Of each scope; a set has to fit into one order. */
  ruleTunings: 200,
  /** Rules that an agent lists of its own. */
  catalogueRules: 1_000,
  csr: 8_192,
  certificateChain: 32_768,
  /** Things named in one `inventory-change`. */
  inventoryItems: 2_000,
  factsPerInventoryItem: 24,
  inventoryFact: 1_024,
  sensors: 32,
  /** Bytes of one rule pack; the whole public corpus has about 12 million. */
  rulePackBytes: 67_108_864,
  /** Bytes of a rule pack's first line, its header. */
  rulePackHeaderBytes: 16_384,
  /** Bytes of a rule pack's second line, its catalogue. */
  rulePackCatalogueBytes: 16_777_216,
  /** Rules and correlations of one pack. */
  rulePackRules: 20_000,
} as const;
