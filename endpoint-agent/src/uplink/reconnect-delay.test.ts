import { CLOSE_CODES } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../test/fakes/time.ts';
import type { Random } from '../platform/random.ts';
import { createReconnectDelay } from './reconnect-delay.ts';

const always = (fraction: number): Random => ({ ...seededRandom(1), fraction: () => fraction });
const LOST = { closeCode: 1006, proven: false };
const MINUTE = 60_000;

describe('[UP10] waiting between attempts', () => {
  test('after a session that worked the first attempt comes within a second', () => {
    for (const fraction of [0, 0.5, 0.999]) {
      expect(createReconnectDelay(always(fraction)).after({ closeCode: 1006, proven: true })).toBeLessThan(1_000);
    }
  });

  test('then the bound doubles up to five minutes, and chance fills all of it', () => {
    const longest = createReconnectDelay(always(0.9999));
    const shortest = createReconnectDelay(always(0));
    const bounds = Array.from({ length: 12 }, () => Math.round(longest.after(LOST) / 1_000));
    expect(bounds).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    expect(Array.from({ length: 12 }, () => shortest.after(LOST))).toEqual(Array.from({ length: 12 }, () => 1_000));
  });

  test('a session that is welcomed and dies at once again and again is no reason to hurry', () => {
    const delay = createReconnectDelay(always(0.9999));
    delay.after({ closeCode: 1006, proven: true });
    const later = Array.from({ length: 5 }, () => delay.after(LOST));
    expect(later.at(-1)).toBeGreaterThan(16_000);
  });

  test('a thousand agents that lose one console do not come back together', () => {
    const counts = new Map<number, number>();
    for (let agent = 0; agent < 1_000; agent += 1) {
      const delay = createReconnectDelay(seededRandom(agent));
      const waits = [
        delay.after({ closeCode: 1001, proven: true }),
        ...Array.from({ length: 5 }, () => delay.after(LOST)),
      ];
      const second = Math.floor(waits.reduce((sum, wait) => sum + wait, 0) / 1_000);
      counts.set(second, (counts.get(second) ?? 0) + 1);
    }
    expect(Math.max(...counts.values())).toBeLessThan(100);
  });

  test('a successful session resets the bound', () => {
    const delay = createReconnectDelay(always(0.9999));
    for (let attempt = 0; attempt < 10; attempt += 1) delay.after(LOST);
    expect(delay.after({ closeCode: 1006, proven: true })).toBeLessThan(1_000);
    expect(delay.after(LOST)).toBeLessThan(2_000);
  });
});

describe('[UP11] endings', () => {
  test.each(['certificate_revoked', 'version_unsupported', 'duplicate_session'] as const)(
    '%s waits 30 to 60 minutes',
    (name) => {
      const end = { closeCode: CLOSE_CODES[name], proven: true };
      expect(createReconnectDelay(always(0)).after(end)).toBe(30 * MINUTE);
      expect(createReconnectDelay(always(0.9999)).after(end)).toBeLessThanOrEqual(60 * MINUTE);
    },
  );

  test('rate_limited waits 30 seconds or more', () => {
    const end = { closeCode: CLOSE_CODES.rate_limited, proven: true };
    expect(createReconnectDelay(always(0)).after(end)).toBeGreaterThanOrEqual(30_000);
  });
});
