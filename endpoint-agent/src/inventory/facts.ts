import { type InventoryFacts, LIMITS } from '@yagura/protocol';

/** Facts without those that are unknown, each cut to what one fact may hold. */
export function factsOf(facts: Readonly<Record<string, string | number | boolean | undefined>>): InventoryFacts {
  const known: InventoryFacts = {};
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined || value === '') continue;
    known[name] = typeof value === 'string' ? value.slice(0, LIMITS.inventoryFact).toWellFormed() : value;
  }
  return known;
}
