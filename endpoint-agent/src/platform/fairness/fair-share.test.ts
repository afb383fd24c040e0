import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../test/fakes/time.ts';
import { FairShare } from './fair-share.ts';

/** Takes `times` units for the owner, as far as it is allowed; returns how many were. */
function take(shares: FairShare, owner: string | undefined, times: number, now: number): number {
  let taken = 0;
  for (let time = 0; time < times; time += 1) {
    if (!shares.allows(owner, now)) continue;
    shares.take(owner, 1, now);
    taken += 1;
  }
  return taken;
}

describe('shares of a room', () => {
  test('whoever is alone has all of what is ample, and not what is kept for others', () => {
    expect(take(new FairShare(100), 'alone', 1_000, 0)).toBe(100);
    const shares = new FairShare(100);
    take(shares, undefined, 70, 0);
    expect(take(shares, 'alone', 1_000, 0)).toBe(50);
  });

  test('a flood leaves room for those who come later, and for what nobody owns', () => {
    const shares = new FairShare(100);
    take(shares, 'flood', 1_000, 0);
    expect(take(shares, 'late', 40, 1)).toBe(40);
    expect(take(shares, undefined, 5, 2)).toBe(5);
    expect(take(shares, 'flood', 1_000, 3)).toBe(0);
    for (let unit = 0; unit < 80; unit += 1) shares.release('flood', 1);
    expect(take(shares, 'flood', 1_000, 4)).toBeGreaterThan(0);
  });

  test('who was silent for ten seconds does not share', () => {
    const shares = new FairShare(500);
    for (let owner = 0; owner < 50; owner += 1) shares.take(`o-${owner}`, 0, 0);
    shares.take(undefined, 500, 5_000);
    expect(take(shares, 'o-1', 1_000, 5_000)).toBe(10);
    expect(take(shares, 'o-2', 1_000, 20_000)).toBe(250);
  });

  test('large things count for more than small ones', () => {
    const shares = new FairShare(50);
    shares.take('large', 50, 0);
    expect(shares.allows('large', 0)).toBe(false);
    expect(take(shares, 'small', 1_000, 0)).toBe(25);
  });

  test('a window that ends gives everybody everything back', () => {
    const shares = new FairShare(10);
    take(shares, 'a', 100, 0);
    shares.clear();
    expect([shares.held, take(shares, 'a', 100, 0)]).toEqual([0, 10]);
  });
});

describe('bounds, over random uses', () => {
  test.each([1, 2, 3, 4, 5])(
    'seed %i: at most twice what is ample is held, and a newcomer is always let in',
    (seed) => {
      const random = seededRandom(seed);
      const shares = new FairShare(200, 32);
      const held = new Map<string, number>();
      let now = 0;
      const next = (below: number): number => Math.floor(random.fraction() * below);
      for (let step = 0; step < 20_000; step += 1) {
        now += next(20);
        const owner = next(3) === 0 ? `o-${next(20)}` : 'flood';
        if (next(4) > 0) {
          if (!shares.allows(owner, now)) continue;
          shares.take(owner, 1, now);
          held.set(owner, (held.get(owner) ?? 0) + 1);
        } else if ((held.get(owner) ?? 0) > 0) {
          shares.release(owner, 1);
          held.set(owner, (held.get(owner) ?? 0) - 1);
        }
        expect(shares.held).toBe([...held.values()].reduce((sum, each) => sum + each, 0));
        expect(shares.held).toBeLessThanOrEqual(400);
        expect(shares.owners).toBeLessThanOrEqual(33);
        expect(shares.allows('newcomer', now)).toBe(true);
      }
    },
  );

  test('a hundred thousand owners are not remembered', () => {
    const shares = new FairShare(100);
    for (let owner = 0; owner < 100_000; owner += 1) shares.take(`o-${owner}`, 0, 0);
    expect(shares.owners).toBe(256);
  });
});
