import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../test/fakes/time.ts';
import { FairQueue } from './fair-queue.ts';

interface Item {
  readonly owner: string;
  readonly number: number;
  readonly ready?: boolean;
}

function queueOf(maxItems = 1_000, maxOwners = 16) {
  const queue = new FairQueue<Item>({ maxItems, maxOwners });
  let number = 0;
  const add = (owner: string, times = 1) => {
    const dropped: Item[] = [];
    for (let time = 0; time < times; time += 1)
      dropped.push(...[queue.add(owner, { owner, number: ++number })].filter((item) => item !== undefined));
    return dropped;
  };
  const take = (times: number) =>
    Array.from({ length: times }, () => queue.take()).flatMap((item) => item?.owner ?? []);
  return { queue, add, take };
}

describe('turns', () => {
  test('a thousand of one owner make the only one of another wait for one', () => {
    const { add, take } = queueOf();
    add('flood', 900);
    add('alice');
    add('bob', 2);
    expect(take(6)).toEqual(['flood', 'alice', 'bob', 'flood', 'bob', 'flood']);
  });

  test('within a line the order stays', () => {
    const { queue, add } = queueOf();
    for (let round = 0; round < 300; round += 1) {
      add('a');
      add('b');
    }
    const numbers = new Map<string, number>();
    for (let item = queue.take(); item; item = queue.take()) {
      expect(item.number).toBeGreaterThan(numbers.get(item.owner) ?? 0);
      numbers.set(item.owner, item.number);
    }
    expect([queue.size, queue.owners]).toEqual([0, 0]);
  });

  test('what cost more than one turn is paid with the next ones, others go on', () => {
    const { queue, add, take } = queueOf();
    add('costly', 20);
    add('cheap', 20);
    expect(take(1)).toEqual(['costly']);
    queue.charge('costly', 5);
    expect(take(5)).toEqual(['cheap', 'cheap', 'cheap', 'cheap', 'cheap']);
    expect(take(3)).toContain('costly');
    queue.charge('costly', 1_000_000);
    queue.charge('cheap', 1_000_000);
    expect(take(1)).toHaveLength(1);
  });

  test('a line whose first is not ready holds up nobody else', () => {
    const queue = new FairQueue<Item>({ maxItems: 10, maxOwners: 4 });
    queue.add('early', { owner: 'early', number: 1, ready: false });
    queue.add('late', { owner: 'late', number: 2, ready: true });
    const isReady = ({ ready }: Item) => ready === true;
    expect(queue.take(isReady)?.owner).toBe('late');
    expect(queue.take(isReady)).toBeUndefined();
    expect(queue.drain().map(({ owner }) => owner)).toEqual(['early']);
    expect(queue.size).toBe(0);
  });
});

describe('bounds', () => {
  test('full, the longest line loses its newest', () => {
    const { queue, add } = queueOf(10);
    add('flood', 9);
    add('alice');
    expect(queue.isCrowdedBy('flood')).toBe(true);
    expect(queue.isCrowdedBy('alice')).toBe(false);
    expect(add('alice', 2).map(({ owner }) => owner)).toEqual(['flood', 'flood']);
    expect(add('flood')).toMatchObject([{ owner: 'flood', number: 13 }]);
    expect(queue.size).toBe(10);
  });

  test('owners beyond the bound share one line', () => {
    const { queue, add } = queueOf(1_000, 4);
    for (let owner = 0; owner < 100; owner += 1) add(`o-${owner}`);
    expect([queue.owners, queue.size]).toEqual([5, 100]);
    expect(queue.drain()).toHaveLength(100);
  });

  test.each([1, 2, 3, 4])(
    'seed %i: nothing appears from nowhere, nothing is lost untold, a modest owner loses nothing',
    (seed) => {
      const random = seededRandom(seed);
      const { queue, add } = queueOf(64, 8);
      let added = 0;
      let gone = 0;
      let modestWaiting = 0;
      for (let step = 0; step < 5_000; step += 1) {
        const dice = random.fraction();
        if (dice < 0.05 && modestWaiting < 4) {
          added += 1;
          modestWaiting += 1;
          for (const { owner } of add('modest')) {
            gone += 1;
            expect(owner).not.toBe('modest');
          }
        } else if (dice < 0.7) {
          added += 1;
          for (const { owner } of add(`flood-${Math.floor(random.fraction() * 4)}`)) {
            gone += 1;
            expect(owner).not.toBe('modest');
          }
        } else {
          const item = queue.take();
          if (item) gone += 1;
          if (item?.owner === 'modest') modestWaiting -= 1;
          if (item && dice > 0.95) queue.charge(item.owner, Math.floor(dice * 100));
        }
        expect(queue.size).toBe(added - gone);
        expect(queue.size).toBeLessThanOrEqual(64);
        expect(queue.owners).toBeLessThanOrEqual(9);
      }
    },
  );
});
