import { describe, expect, test } from 'vitest';
import { createCoalescer, type Timers } from './coalesce.ts';
import { retryDelay } from './live-feed.ts';

function fakeTimers(): Timers & { advance(ms: number): void } {
  let now = 0;
  const waiting = new Map<number, { at: number; callback: () => void }>();
  let next = 0;
  return {
    set(callback, ms) {
      waiting.set(++next, { at: now + ms, callback });
      return next;
    },
    clear(handle) {
      waiting.delete(handle as number);
    },
    advance(ms) {
      now += ms;
      for (const [id, { at, callback }] of Array.from(waiting)) {
        if (at > now) continue;
        waiting.delete(id);
        callback();
      }
    },
  };
}

describe('live changes', () => {
  test('the first is shown at once, a burst becomes one more', () => {
    const timers = fakeTimers();
    const acts: string[] = [];
    const changes = createCoalescer(
      (key: string) => acts.push(key),
      () => 250,
      timers,
    );
    for (let index = 0; index < 1_000; index++) changes.call('incidents');
    expect(acts).toEqual(['incidents']);
    timers.advance(250);
    expect(acts).toEqual(['incidents', 'incidents']);
    timers.advance(250);
    timers.advance(250);
    expect(acts).toHaveLength(2);
    changes.call('incidents');
    expect(acts).toHaveLength(3);
  });

  test('topics do not hold each other up', () => {
    const acts: string[] = [];
    const changes = createCoalescer(
      (key: string) => acts.push(key),
      () => 250,
      fakeTimers(),
    );
    changes.call('incidents');
    changes.call('endpoints');
    expect(acts).toEqual(['incidents', 'endpoints']);
  });

  test('after stopping nothing happens', () => {
    const timers = fakeTimers();
    const acts: string[] = [];
    const changes = createCoalescer(
      (key: string) => acts.push(key),
      () => 250,
      timers,
    );
    changes.call('a');
    changes.call('a');
    changes.stop();
    timers.advance(1_000);
    expect(acts).toEqual(['a']);
  });
});

test('reconnecting spreads out and is never later than 20 seconds', () => {
  for (let attempt = 0; attempt < 30; attempt++) {
    const earliest = retryDelay(attempt, () => 0);
    const latest = retryDelay(attempt, () => 1);
    expect(latest).toBeLessThanOrEqual(20_000);
    expect(earliest).toBeGreaterThanOrEqual(latest / 2 - 1);
    expect(earliest).toBeGreaterThanOrEqual(250);
  }
});
