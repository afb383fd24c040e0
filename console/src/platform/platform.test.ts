import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createBus } from './bus.ts';
import { addressKey, createRateLimit } from './rate-limit.ts';
import { CONSOLE_VERSION } from './version.ts';

describe('rate limits', () => {
  test('allow a burst, then so many a minute, for each key', () => {
    const clock = { time: 0, now: () => clock.time };
    const limit = createRateLimit({ clock, perMinute: 6, burst: 3 });
    const take = (key: string, times: number) => Array.from({ length: times }, () => limit.take(key));
    expect(take('a', 4)).toEqual([true, true, true, false]);
    expect(take('b', 1)).toEqual([true]);
    clock.time += 10_000;
    expect(take('a', 2)).toEqual([true, false]);
    clock.time += 3_600_000;
    expect(take('a', 4)).toEqual([true, true, true, false]);
  });

  test('a clock that is set back gives nothing away and locks nobody out', () => {
    const clock = { time: 1_000_000, now: () => clock.time };
    const limit = createRateLimit({ clock, perMinute: 60, burst: 1 });
    expect(limit.take('a')).toBe(true);
    clock.time = 0;
    expect(limit.take('a')).toBe(false);
    clock.time += 1_000;
    expect(limit.take('a')).toBe(true);
  });

  test('forget the key that was idle longest, and count it', () => {
    const limit = createRateLimit({ clock: { now: () => 0 }, perMinute: 1, burst: 1, maxKeys: 2 });
    for (const key of ['a', 'b', 'a', 'c']) limit.take(key);
    expect(limit.evicted).toBe(1);
    expect(limit.take('a')).toBe(false);
    expect(limit.take('b')).toBe(true);
  });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, 'unknown'],
])('the address %s counts as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test('a subscriber of the bus that throws costs nobody else', () => {
  const errors: unknown[] = [];
  const heard: string[] = [];
  const bus = createBus((error) => errors.push(error));
  bus.subscribe(() => {
    throw new Error('broken');
  });
  const stop = bus.subscribe((message) => heard.push(message.type));
  bus.publish({ type: 'changed', tenantId: 't', topic: 'orders' });
  stop();
  bus.publish({ type: 'changed', tenantId: 't', topic: 'orders' });
  expect(heard).toEqual(['changed']);
  expect(errors).toHaveLength(2);
});

test('the version is the one of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(CONSOLE_VERSION).toBe(version);
});
