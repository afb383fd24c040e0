import { expect, test } from 'vitest';
import { OwnerBudgets } from './owner-budgets.ts';

const spend = (budgets: OwnerBudgets, owner: string, times: number, now: number) =>
  Array.from({ length: times }, () => budgets.spend(owner, now)).filter(Boolean).length;

test('an owner has his burst, then what a second gives him, whatever others spend', () => {
  const budgets = new OwnerBudgets({ burst: 100, perSecond: 5, maxOwners: 8 });
  expect(spend(budgets, 'flood', 1_000, 0)).toBe(100);
  expect(spend(budgets, 'flood', 1_000, 2_000)).toBe(10);
  expect(spend(budgets, 'other', 1_000, 2_000)).toBe(100);
  expect(spend(budgets, 'flood', 1_000, 1_000_000)).toBe(100);
});

test('ever new owners gain nothing, and are not remembered', () => {
  const budgets = new OwnerBudgets({ burst: 100, perSecond: 5, maxOwners: 8 });
  let spent = 0;
  for (let owner = 0; owner < 1_000; owner += 1) spent += spend(budgets, `o-${owner}`, 10, 0);
  expect([spent, budgets.owners]).toEqual([80, 8]);
});
