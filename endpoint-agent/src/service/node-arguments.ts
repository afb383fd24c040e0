/**
 * How the agent's Node.js is to be started. V8 sizes its heap by the machine: on one with 24 GB the young
 * generation of an idle agent grew to 33 MB, and nothing was collected from the old one before it had 60 MB.
 * Both cost throughput that an endpoint never needs (a fifth of the rule engine's), and memory that it misses.
 */
export const AGENT_NODE_ARGUMENTS: readonly string[] = [
  '--max-semi-space-size=1',
  '--initial-old-space-size=20',
  // The collection after the start and after bursts (platform/memory-keeper.ts).
  '--expose-gc',
];
