import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RESCAN_LIMITS, Rescan, type RescanLimits, type RescannedFile, rescanned } from './rescan.ts';

const NO_LINUX = process.platform === 'linux' ? undefined : 'needs Linux';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync('/tmp/yagura-rescan-');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What of this folder is open in this process. */
function openIn(path: string): string[] {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // That of the folder that is being read.
    }
  });
  return targets.filter((target) => target.startsWith(path));
}

function setup(limits: Partial<RescanLimits> = {}) {
  const found: RescannedFile[] = [];
  const rescan = new Rescan((file) => found.push(file), { ...RESCAN_LIMITS, ...limits });
  const run = (since: number, roots = [folder]) => {
    rescan.request(
      roots.map((path) => rescanned(path)),
      since,
    );
    let steps = 0;
    while (rescan.pending) {
      rescan.step();
      steps += 1;
    }
    return steps;
  };
  return { found, rescan, run };
}

describe.skipIf(NO_LINUX)(`a walk over what changed${NO_LINUX ? ` (${NO_LINUX})` : ''}`, () => {
  test('files changed since the moment, new or not, are found; a date set back hides none', () => {
    writeFileSync(join(folder, 'before'), '');
    const before = Date.now() - 60_000;
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub', 'new'), '');
    writeFileSync(join(folder, 'backdated'), '');
    utimesSync(join(folder, 'backdated'), 1, 1);
    const { found, run } = setup();
    run(before);
    expect(found.map(({ path }) => path).toSorted()).toEqual(
      ['backdated', 'before', 'sub/new'].map((name) => join(folder, name)),
    );
    expect(found.every(({ isNew }) => isNew)).toBe(true);
    const later = setup();
    later.run(Date.now() + 60_000);
    expect(later.found).toEqual([]);
  });

  test('no link is followed, and a root that is gone ends nothing', () => {
    symlinkSync('/etc', join(folder, 'etc'));
    symlinkSync(folder, join(folder, 'loop'));
    writeFileSync(join(folder, 'one'), '');
    const { found, run } = setup();
    run(0, ['/tmp/yagura-nothing-here', folder]);
    expect(found.map(({ path }) => path)).toEqual([join(folder, 'one')]);
  });

  test('works in steps, and counts what it leaves out: entries, depth, files', () => {
    for (let index = 0; index < 40; index += 1) writeFileSync(join(folder, `f${index}`), '');
    const bySteps = setup({ perStep: 8 });
    expect(bySteps.run(0)).toBeGreaterThanOrEqual(5);
    expect([bySteps.found.length, bySteps.rescan.leftOut]).toEqual([40, 0]);
    const ofEntries = setup({ perRoot: 10 });
    ofEntries.run(0);
    expect([ofEntries.found.length, ofEntries.rescan.leftOut]).toEqual([10, 1]);
    const ofFiles = setup({ found: 30 });
    ofFiles.run(0);
    expect([ofFiles.found.length, ofFiles.rescan.leftOut]).toEqual([30, 10]);
    mkdirSync(join(folder, 'a', 'b', 'c'), { recursive: true });
    writeFileSync(join(folder, 'a', 'b', 'c', 'deep'), '');
    const ofDepth = setup({ depth: 3 });
    ofDepth.run(0);
    expect([ofDepth.found.length, ofDepth.rescan.leftOut]).toEqual([40, 1]);
    const ofWalks = setup({ waiting: 1 });
    ofWalks.run(0, [folder, folder]);
    expect([ofWalks.found.length, ofWalks.rescan.leftOut]).toEqual([40 + 1, 1]);
  });

  test('a folder that is swapped for a link in the middle of the walk hides nothing of what was in it', () => {
    mkdirSync(join(folder, 'walked', 'sub'), { recursive: true });
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'walked', 'one'), '');
    writeFileSync(join(folder, 'walked', 'sub', 'two'), '');
    const { rescan, found } = setup({ perStep: 1 });
    const walked = join(folder, 'walked');
    rescan.request([rescanned(walked)], 0);
    rescan.step();
    renameSync(walked, join(folder, 'hidden'));
    symlinkSync(join(folder, 'empty'), walked);
    while (rescan.pending) rescan.step();
    expect(found.map(({ path }) => path).toSorted()).toEqual([join(walked, 'one'), join(walked, 'sub', 'two')]);
  });

  test('a walk that is closed in the middle leaves nothing open', () => {
    for (let index = 0; index < 40; index += 1) writeFileSync(join(folder, `f${index}`), '');
    const { rescan, found } = setup({ perStep: 4 });
    rescan.request([rescanned(folder)], 0);
    rescan.step();
    expect(openIn(folder)).not.toEqual([]);
    rescan.close();
    expect(openIn(folder)).toEqual([]);
    rescan.step();
    expect(rescan.pending).toBe(false);
    expect(found.length).toBeLessThan(10);
  });
});
