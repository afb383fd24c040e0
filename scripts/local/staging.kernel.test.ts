import { chmodSync, globSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Layout, makeDataDir, prepareLayout } from './layout.ts';
import { stagePrograms } from './staging.ts';

const cannot = process.getuid?.() === 0 ? undefined : 'needs root, since others run from the clone';

describe.skipIf(cannot !== undefined)(`programs of users without root${cannot ? ` (${cannot})` : ''}`, () => {
  let directory: string;
  let clone: string;
  let layout: Layout;
  let umask: number;

  beforeEach(() => {
    umask = process.umask(0o077);
    directory = mkdtempSync(join(tmpdir(), 'yagura-staging-'));
    chmodSync(directory, 0o755);
    clone = join(directory, 'clone');
    for (const folder of ['console/dist/web', 'node_modules/sqlite3/build/Release', 'node_modules/bindings']) {
      mkdirSync(join(clone, folder), { recursive: true });
    }
    for (const file of [
      'console/dist/.server-built',
      'console/dist/.web-built',
      'console/dist/console.mjs',
      'console/dist/web/index.html',
      'node_modules/sqlite3/build/Release/node_sqlite3.node',
      'node_modules/bindings/bindings.js',
    ]) {
      writeFileSync(join(clone, file), 'x');
    }
    const dataDir = join(directory, 'data');
    makeDataDir(dataDir);
    layout = prepareLayout(dataDir);
  });
  afterEach(() => {
    process.umask(umask);
    rmSync(directory, { recursive: true, force: true });
  });

  test('can be read by them, and be changed by root only, whatever umask root has', () => {
    const { node, consoleDist } = stagePrograms(clone, layout);
    expect(consoleDist.startsWith(layout.dataDir)).toBe(true);
    const programs = join(layout.dataDir, 'programs');
    const staged = globSync('**', { cwd: programs }).map((path) => join(programs, path));
    expect(staged).toContain(join(consoleDist, 'web', 'index.html'));
    expect(staged).toContain(join(programs, 'node_modules', 'sqlite3', 'build', 'Release', 'node_sqlite3.node'));
    for (const path of [programs, ...staged]) {
      const stats = statSync(path);
      expect([path, (stats.mode & 0o777).toString(8), stats.uid]).toEqual([
        path,
        stats.isDirectory() || path === node ? '755' : '644',
        0,
      ]);
    }
  });
});
