import { expect, test } from 'vitest';
import { FairShare } from './fair-share.ts';

test('whoever is alone may have all of the room', () => {
  const shares = new FairShare(100);
  for (let held = 0; held < 100; held += 1) expect(shares.admit('a', held, held)).toBe(true);
});

test('a flood of one user leaves room for the others', () => {
  const shares = new FairShare(100);
  let held = 0;
  const push = (user: string | undefined, now: number) => {
    const admitted = shares.admit(user, held, now);
    if (admitted) held += 1;
    return admitted;
  };
  push('quiet', 0);
  const admitted = Array.from({ length: 1_000 }, (_, at) => push('flood', at)).filter(Boolean).length;
  expect(admitted).toBe(49);
  // The quiet one is admitted, again and again, and what has no user too.
  for (let at = 0; at < 20; at += 1) expect(push('quiet', 1_000 + at)).toBe(true);
  expect(push(undefined, 1_100)).toBe(true);
  expect(push('flood', 1_200)).toBe(false);
  for (let at = 0; at < 40; at += 1) {
    shares.release('flood');
    held -= 1;
  }
  expect(push('flood', 1_300)).toBe(true);
});

test('who was silent for ten seconds does not share', () => {
  const shares = new FairShare(100);
  shares.admit('quiet', 0, 0);
  for (let held = 1; held < 60; held += 1) shares.admit('flood', held, 11_000);
  expect(shares.admit('flood', 60, 11_000)).toBe(true);
});

test('a thousand users are forgotten again', () => {
  const shares = new FairShare(100);
  for (let user = 0; user < 1_000; user += 1) shares.admit(`u${user}`, 0, 0);
  // With 256 of them active each has less than one place above the half.
  expect(shares.admit('u999', 50, 1)).toBe(false);
  expect(shares.admit('new', 50, 1)).toBe(true);
});
