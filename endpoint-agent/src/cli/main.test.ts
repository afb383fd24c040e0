import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('main.ts', import.meta.url));

async function run(args: readonly string[], reads = true) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, ...args]);
  const text = { stdout: '', stderr: '' };
  if (reads) child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
  else child.stdout.destroy();
  child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...text };
}

test.each(['status', 'doctor', 'enroll', 'replay', 'restore-kernel'])(
  '%s --help says how it is called',
  async (name) => {
    const { code, stdout, stderr } = await run([name, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^usage: yagura-agent ${name}`));
  },
);

test.each([[[]], [['frobnicate']], [['toString']], [['status', '--what']], [['enroll']], [['replay']]])(
  '%j is refused with the usage code',
  async (args) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^yagura-agent: error \(usage\): /);
  },
);

test('a reader that ends first gets no stack trace', async () => {
  expect(await run(['help'], false)).toMatchObject({ code: 0, stderr: '' });
  expect(await run(['doctor', '--state-dir', '/nonexistent'], false)).toMatchObject({ code: 1, stderr: '' });
});

test('a long file that holds no events is counted, not listed', async () => {
  const { code, stderr } = await run(['replay', CLI]);
  expect(code).toBe(3);
  expect(stderr.trim().split('\n')).toHaveLength(11);
  expect(stderr).toMatch(/\d+ lines are no normalised events/);
});
