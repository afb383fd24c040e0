import { expect, test } from 'vitest';
import { type ChainedEntry, checkEntry, GENESIS, hashEntry } from './chain.ts';

const entry = (sequence: number, previousHash: string, rest: Partial<ChainedEntry> = {}) => {
  const content: ChainedEntry = {
    tenantId: 't',
    sequence,
    time: sequence,
    actor: 'a',
    action: 'x',
    target: null,
    detail: null,
    previousHash,
    ...rest,
  };
  return { ...content, hash: hashEntry(content) };
};

test('a chain that was not touched fits', () => {
  const first = entry(1, GENESIS);
  expect(checkEntry(undefined, first)).toBeUndefined();
  expect(checkEntry(first, entry(2, first.hash))).toBeUndefined();
});

test('each field counts', () => {
  const first = entry(1, GENESIS, { target: 'target', detail: 'detail' });
  const changes: Partial<ChainedEntry>[] = [
    { time: 2 },
    { actor: 'b' },
    { action: 'y' },
    { target: null },
    { detail: 'other' },
    { tenantId: 'u' },
  ];
  for (const change of changes)
    expect(checkEntry(undefined, { ...first, ...change }), JSON.stringify(change)).toBe('changed');
});

test('text moved from one field to the next is a change', () => {
  const one = entry(1, GENESIS, { actor: 'ab', action: 'c' });
  const two = entry(1, GENESIS, { actor: 'a', action: 'bc' });
  expect(one.hash).not.toBe(two.hash);
});

test('missing and doubled entries are told apart', () => {
  const first = entry(1, GENESIS);
  expect(checkEntry(first, entry(3, first.hash))).toBe('missing');
  expect(checkEntry(first, entry(1, GENESIS))).toBe('out_of_order');
  expect(checkEntry(undefined, entry(2, GENESIS))).toBe('missing');
});
