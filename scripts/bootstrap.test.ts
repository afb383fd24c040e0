import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT } from './run-command.ts';

const FILES = ['scripts/bootstrap.mjs', 'scripts/places.mjs', 'runtime/package.json', 'runtime/package-lock.json'];
/** Nobody listens here: every download fails at once. */
const NO_REGISTRY = 'http://127.0.0.1:9';

/** A clone in which nothing was installed yet, as far as the bootstrap looks at it. */
let clone: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'yagura-bootstrap-'));
  for (const file of FILES) {
    mkdirSync(join(clone, file, '..'), { recursive: true });
    copyFileSync(join(ROOT, file), join(clone, file));
  }
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(clone, { recursive: true, force: true });
});

async function bootstrap(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [join(clone, 'scripts/bootstrap.mjs'), ...args], {
    cwd: clone,
    env: {
      PATH: process.env['PATH'],
      HOME: clone,
      npm_config_registry: NO_REGISTRY,
      npm_config_fetch_retries: '0',
      ...env,
    },
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = await once(child, 'close');
  return { code: Number(code), lines: output.trim().split('\n') };
}

describe('the bootstrap', () => {
  test.each([[[]], [['frobnicate']], [['toString']]])('refuses the task %j', async (args) => {
    const { code, lines } = await bootstrap(args);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^Error \(usage\): /)]);
  });

  test.each(['npm_config_port', 'npm_config_data_dir', 'npm_config_gateway_port', 'npm_config_agent'])(
    'says where options belong when npm took them (%s)',
    async (name) => {
      const { code, lines } = await bootstrap(['start'], { [name]: '1' });
      expect(code).toBe(1);
      expect(lines).toEqual([expect.stringMatching(/^Error \(usage\): .*npm start -- --/)]);
    },
  );

  test('without a network says so, in the language of the terminal, and can be run again', async () => {
    for (const [LANG, line] of [
      ['C', /^Error \(no_network\): /],
      ['ja_JP.UTF-8', /^エラー \(no_network\): .*ネットワーク/],
    ] as const) {
      const { code, lines } = await bootstrap(['start'], { LANG });
      expect(code).toBe(1);
      expect(lines.at(-1)).toMatch(line);
      expect(lines.join('\n')).not.toMatch(/^\s+at /m);
      expect(existsSync(join(clone, 'runtime/node_modules/.yagura-installed'))).toBe(false);
      expect(existsSync(join(clone, '.yagura/install.lock'))).toBe(false);
    }
  });

  test('waits for another installation in the same folder, and not for one that died', async () => {
    const holder = spawn('sleep', ['1']);
    children.push(holder);
    mkdirSync(join(clone, '.yagura'));
    writeFileSync(join(clone, '.yagura/install.lock'), String(holder.pid));
    const { code, lines } = await bootstrap(['start']);
    expect(code).toBe(1);
    expect(lines[0]).toContain('waiting');
    expect(lines.at(-1)).toContain('no_network');
    expect(holder.exitCode).toBe(0);
  });
});
