import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OWN_PACK } from '../cli/own-pack.ts';
import { thisPlatform } from '../platform/this-platform.ts';
import { loadRules, packPart } from './load-rules.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yagura-load-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const rule = (title: string, logsource: string): string =>
  `title: ${title}\nlogsource:\n  ${logsource}\ndetection:\n  s:\n    Image: /bin/${title}\n  condition: s\n`;

test("rules for other systems are left out, rules for any system stay, wherever in somebody's collection they lie", async () => {
  await mkdir(join(folder, 'linux'));
  await mkdir(join(folder, 'web'));
  await writeFile(join(folder, 'linux', 'a.yml'), rule('a', 'product: linux'));
  await writeFile(join(folder, 'linux', 'b.yml'), rule('b', 'product: windows'));
  await writeFile(join(folder, 'web', 'c.yml'), rule('c', 'category: webserver'));
  await writeFile(join(folder, 'web', 'd.yml'), rule('d', 'product: macos'));
  const titles = async (options: Parameters<typeof loadRules>[1]): Promise<readonly string[]> => {
    const { rules, rejected } = await loadRules([folder], options);
    expect(rejected).toEqual([]);
    expect(rules.loaded).toBe(rules.rules.length);
    return rules.rules.map(({ facts }) => facts.title).sort();
  };
  expect(await titles({ platform: 'linux' })).toEqual(['a', 'c']);
  expect(await titles({ platform: 'windows' })).toEqual(['b', 'c']);
  expect(await titles({})).toEqual(['a', 'b', 'c', 'd']);
});

test.each(['linux', 'windows', 'macos'] as const)(
  'of the own pack the part for %s is read, and no other',
  async (platform) => {
    const part = packPart(OWN_PACK, platform);
    expect(part).toBe(join(OWN_PACK, platform));
    const { rules, rejected } = await loadRules([part], { platform });
    const whole = await loadRules([OWN_PACK], { platform });
    expect(rejected).toEqual([]);
    expect(rules.loaded).toBeGreaterThan(0);
    expect(whole.rules.loaded).toBe(rules.loaded);
  },
);

test('a pack without parts is read whole, and a missing folder is named', async () => {
  expect(packPart(folder, 'linux')).toBe(folder);
  const missing = join(folder, 'none');
  expect((await loadRules([missing])).rejected).toMatchObject([{ file: missing, code: 'folder_missing' }]);
});

test('each system that Node names has a name in rules', () => {
  expect((['linux', 'win32', 'darwin', 'freebsd'] as const).map((system) => thisPlatform(system))).toEqual([
    'linux',
    'windows',
    'macos',
    'linux',
  ]);
});
