import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventItem, storyItem } from '../../../test/fakes/items.ts';
import { manualClock, seededRandom } from '../../../test/fakes/time.ts';
import { createSpool } from './create-spool.ts';
import type { Spool } from './spool.ts';

const MIB = 1_048_576;
const root = process.platform === 'linux' && process.getuid?.() === 0;
const EVERYTHING = { items: 1_000_000, bytes: 1e9 };
const NOTHING: ReadonlySet<number> = new Set();

/** A filesystem of its own, of 16 MiB, that really gets full. */
describe.skipIf(!root)('[SP8] a full disk (needs root on Linux to mount a tmpfs)', () => {
  let mount: string;
  let spool: Spool;
  const clock = manualClock();
  const open = (): Spool =>
    createSpool({ dir: join(mount, 'spool'), clock, random: seededRandom(1), limits: { ballastBytes: 2 * MIB } });
  const fillDisk = (): void => {
    const chunk = Buffer.alloc(65_536, 1);
    for (let part = 0; ; part += 1) {
      try {
        writeFileSync(join(mount, `filler-${part}`), chunk);
      } catch {
        return;
      }
    }
  };
  const freeDisk = (): void => {
    for (const file of execFileSync('ls', [mount]).toString().split('\n')) {
      if (file.startsWith('filler-')) rmSync(join(mount, file));
    }
  };
  const events = (from: number, count: number) => Array.from({ length: count }, (_, n) => eventItem(from + n));

  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'yagura-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', mount]);
    spool = open();
  });
  afterEach(() => {
    spool[Symbol.dispose]();
    execFileSync('umount', [mount]);
    rmSync(mount, { recursive: true, force: true });
  });

  test('telemetry is refused and counted, alerts go into the space that was set apart', () => {
    spool.append(events(0, 1_000));
    fillDisk();
    let refused = 0;
    for (let round = 0; round < 300; round += 1) refused += 100 - spool.append(events(round * 100, 100)).length;
    expect(refused).toBeGreaterThan(0);
    expect(spool.status()).toMatchObject({ problem: 'disk_full', refused });
    const saved = Array.from(
      { length: 200 },
      (_, n) => spool.append([storyItem(`s-${n}`, 1, 'high', `rule-${n}`)]).length,
    );
    expect(saved.every((count) => count === 1)).toBe(true);
    expect(spool.status().pending.alerts).toBeGreaterThanOrEqual(200);
    spool[Symbol.dispose]();
    spool = open();
    expect(spool.status().pending.alerts).toBeGreaterThanOrEqual(200);
  });

  test('what has been stored can be read and acknowledged while the disk is full', () => {
    spool.append(events(0, 1_000));
    fillDisk();
    const items = spool.next(EVERYTHING, NOTHING);
    expect(items).toHaveLength(1_000);
    spool.acknowledge([[1, 1_000]]);
    expect(spool.next(EVERYTHING, NOTHING)).toEqual([]);
  });

  test('when alerts find no room at all the newest wait in memory, in bounds, and are stored once there is room', () => {
    fillDisk();
    let stored = 0;
    let number = 0;
    const distinct = () => storyItem(`s-${number}`, 1, 'high', `rule-${number}`);
    for (; spool.status().held === 0 && number < 20_000; number += 1) stored += spool.append([distinct()]).length;
    expect(spool.status().held).toBe(1);
    for (const end = number + 600; number < end; number += 1) stored += spool.append([distinct()]).length;
    expect(spool.status().held).toBe(500);
    expect(spool.status().refused).toBe(101);
    freeDisk();
    clock.advance(61_000);
    spool.append([]);
    expect(spool.status()).toMatchObject({ held: 0, pending: { alerts: number - 101 } });
    expect(spool.status().problem).toBeUndefined();
    expect(stored + 500 + 101).toBe(number);
    const { bavail, bsize } = statfsSync(mount);
    expect(bavail * bsize).toBeGreaterThan(0);
  });
});
