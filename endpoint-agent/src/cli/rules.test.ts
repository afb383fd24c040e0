import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ruleText } from '../../../test/fakes/sigma-rule.ts';
import { readPackFile } from '../core/detection/pack/pack-file.ts';
import { runRules } from './rules.ts';

const RULE = ruleText('sel:\n    Image: x\ncondition: sel');
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yagura-rules-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runRules(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

test('check loads what it can and names file, line, code and message of the rest', async () => {
  await mkdir(join(folder, 'deep'));
  await writeFile(join(folder, 'good.yml'), RULE);
  await writeFile(join(folder, 'deep', 'bad.yaml'), RULE.replace('Image', 'Image|nope'));
  await writeFile(join(folder, 'latin1.yml'), Buffer.from([0x74, 0x3a, 0x20, 0xe9]));
  await writeFile(join(folder, 'ignored.txt'), 'no rule');
  const { code, out } = await run('check', folder, '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    loaded: 1,
    rejected: [
      { file: join(folder, 'latin1.yml'), line: 1, code: 'file_not_utf8', message: expect.any(String) },
      { file: join(folder, 'deep', 'bad.yaml'), line: 8, code: 'unknown_modifier', message: expect.any(String) },
    ],
  });
  expect((await run('check', folder, '--strict')).code).toBe(1);
  expect((await run('check', join(folder, 'good.yml'), '--strict')).code).toBe(0);
});

test('what goes wrong begins with the program and a stable code, in one line; a wrong call adds the usage', async () => {
  const pack = join(folder, 'pack');
  const cases: readonly (readonly [code: string, args: readonly string[], words: RegExp])[] = [
    ['path_unreadable', ['check', join(folder, 'missing')], /missing/],
    ['usage', [], /no subcommand/],
    ['usage', ['nope'], /no rules command "nope"/],
    ['usage', ['check'], /no path/],
    ['usage', ['check', '--nope', folder], /--nope/],
    ['usage', ['compile', folder], /-o PACK/],
    ['usage', ['import', folder, folder, '-o', pack], /one archive or folder/],
    ['pack_unnameable', ['compile', folder, '-o', pack, '--name', ''], /--name/],
    ['pack_unwritable', ['compile', folder, '-o', join(folder, 'no', 'such')], /cannot write/],
  ];
  for (const [code, args, words] of cases) {
    const { code: exit, err } = await run(...args);
    const [line = '', ...more] = err.split('\n');
    expect([exit, line], args.join(' ')).toEqual([2, expect.stringMatching(words)]);
    expect(line).toMatch(new RegExp(`^yagura-agent: error \\(${code}\\): `));
    expect(more.length > 0).toBe(code === 'usage');
  }
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('usage:'), err: '' });
});

test('compile and import write a pack that an endpoint can read', async () => {
  await writeFile(join(folder, 'good.yml'), RULE);
  const pack = join(folder, 'out.pack');
  const compiled = await run('compile', folder, '-o', pack, '--json');
  const bytes = await readFile(pack);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect([compiled.code, JSON.parse(compiled.out)]).toMatchObject([0, { pack, documents: 1, rejected: [], sha256 }]);
  expect(readPackFile(bytes.toString('utf8'))).toMatchObject({
    ok: true,
    rules: { rules: [{ kind: 'rule' }] },
    header: { name: 'out', documents: 1, systems: [{ system: 'windows', rules: 1, canFire: 1 }] },
  });
  expect((await run('compile', folder, '-o', pack, '--name', '')).code).toBe(2);
  expect((await run('import', folder, '-o', pack)).code).toBe(0);
  expect(await run('import', pack, '-o', pack)).toMatchObject({
    code: 2,
    err: expect.stringContaining('archive_unknown'),
  });
  expect((await run('compile', folder)).code).toBe(2);
  expect((await run('compile', folder, '-o', join(folder, 'no', 'such', 'folder'))).code).toBe(2);
});

test('coverage says for each system what can fire and what is missing', async () => {
  const linux = RULE.replace('windows', 'linux');
  await writeFile(join(folder, 'a.yml'), linux);
  await writeFile(join(folder, 'b.yml'), linux.replace('rule-under-test', 'second').replace('Image', 'NoSuchField'));
  await writeFile(
    join(folder, 'c.yml'),
    linux.replace('rule-under-test', 'third').replace('process_creation', 'nothing'),
  );
  const { code, out } = await run('coverage', folder, '--json');
  const { systems } = JSON.parse(out) as { systems: Record<string, unknown>[] };
  expect(code).toBe(0);
  expect(systems.map(({ system, built, total, canFire }) => [system, built, total, canFire])).toEqual([
    ['linux', true, 3, 1],
    ['windows', false, 0, 0],
    ['macos', false, 0, 0],
  ]);
  expect(systems[0]).toMatchObject({
    blockers: { NoSuchField: 1, 'a collector': 1 },
    rules: [
      { ruleId: 'rule-under-test', canFire: true },
      { ruleId: 'second', canFire: false, blocker: 'field', fields: ['NoSuchField'] },
      { ruleId: 'third', canFire: false, blocker: 'collector', fields: [] },
    ],
  });
  expect((await run('coverage', folder)).out).toContain('linux: 1 of 3 rules can fire');
});
