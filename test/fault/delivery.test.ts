import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DeliverySimulation } from '../fakes/delivery-simulation.ts';

/** `YAGURA_SEEDS=10000` for the long run, `YAGURA_SEED=17` to see one again. */
const COUNT = Number(process.env['YAGURA_SEEDS'] ?? 60);
const ONLY = process.env['YAGURA_SEED'];
const SEEDS = ONLY === undefined ? Array.from({ length: COUNT }, (_, index) => index + 1) : [Number(ONLY)];

test(`[SP2] [UP3] [UP4] [UP10] [CM5] ${SEEDS.length} seeded runs: nothing lost, doubled, changed or carried out twice`, {
  timeout: 60_000 + SEEDS.length * 5_000,
}, async () => {
  const totals = { crashes: 0, cuts: 0, committed: 0, duplicates: 0, ordersCarriedOut: 0 };
  for (const seed of SEEDS) {
    const dir = mkdtempSync(join(tmpdir(), 'yagura-simulation-'));
    const report = await new DeliverySimulation(dir, seed).run(300);
    expect(report.violations, `seed ${seed} (YAGURA_SEED=${seed} replays it)`).toEqual([]);
    for (const key of ['crashes', 'cuts', 'committed', 'duplicates', 'ordersCarriedOut'] as const)
      totals[key] += report[key];
  }
  // A run without faults or without work proves nothing.
  expect(Math.min(...Object.values(totals)), `totals ${JSON.stringify(totals)}`).toBeGreaterThan(SEEDS.length);
});
