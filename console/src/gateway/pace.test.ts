import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

const LIMITS = { batchesPerSecond: 10, burstBatches: 20, bytesPerSecond: 1_000, burstBytes: 5_000 };

test('a burst is free, what is beyond is owed, by batches or by bytes', () => {
  let now = 0;
  const pace = new Pace(LIMITS, () => now);
  for (let batch = 0; batch < 20; batch += 1) pace.spend(1);
  expect(pace.debtMs()).toBe(0);
  for (let batch = 0; batch < 5; batch += 1) pace.spend(1);
  expect(pace.debtMs()).toBe(500);
  now += 500;
  expect(pace.debtMs()).toBe(0);
  pace.spend(7_000);
  expect(pace.debtMs()).toBe(2_000);
});

test('no debt takes longer than half a minute, no idleness earns more than the burst', () => {
  let now = 0;
  const pace = new Pace(LIMITS, () => now);
  for (let batch = 0; batch < 10_000; batch += 1) pace.spend(8_000_000);
  expect(pace.debtMs()).toBe(30_000);
  now += 3_600_000;
  pace.spend(5_000);
  expect(pace.debtMs()).toBe(0);
  pace.spend(1_000);
  expect(pace.debtMs()).toBe(1_000);
});
