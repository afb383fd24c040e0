import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { guardAuditState } from '../../../../../test/support/audit-guard.ts';
import { type CaptureProbe, NO_CC, startCapture } from '../../../../../test/support/capture-probe.ts';
import type { Observation } from '../../sensor.ts';

const ROOT = new URL('../../../../../', import.meta.url).pathname;
const FLOODER = '61001';
const SECONDS = 1.5;

/** What one user does without pause while root goes on with its work. The larger runs: `npm run bench -- flood`. */
describe.skipIf(NO_CC)(`a flood by one user${NO_CC ? ` (${NO_CC})` : ''}`, () => {
  async function flood(
    kind: 'connections' | 'files',
    rate: number,
    act: (probe: CaptureProbe, index: number) => Promise<unknown>,
  ) {
    const seen = { lines: new Set<string>(), files: new Set<string>(), connections: 0 };
    const onSeen = ({ fields }: Observation) => {
      if (typeof fields['CommandLine'] === 'string') seen.lines.add(fields['CommandLine']);
      if (typeof fields['TargetFilename'] === 'string') seen.files.add(fields['TargetFilename']);
      if (fields['DestinationPort'] === 40_123) seen.connections += Number(fields['Count'] ?? 1);
    };
    const probe = await startCapture({ onSeen });
    chmodSync(probe.folder, 0o755);
    const target = join(probe.folder, 'flood');
    mkdirSync(target);
    chmodSync(target, 0o777);
    const program = join(probe.folder, 'flood-program');
    execFileSync('cc', ['-O2', '-o', program, join(ROOT, 'test/support/flood-program.c')]);
    const args = [kind, FLOODER, String(SECONDS), String(rate), target, 'flood'];
    const flooding = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    flooding.stdout.on('data', (chunk: Buffer) => void (output += String(chunk)));
    const ended = once(flooding, 'close');
    let acts = 0;
    while (flooding.exitCode === null) {
      await act(probe, acts);
      acts += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await ended;
    return { probe, seen, acts, made: Number(output.split(' ')[0]) };
  }

  test('of connections costs root no start, and what is not told of it is counted', async () => {
    const { probe, seen, acts, made } = await flood('connections', 50_000, (_, index) =>
      once(spawn('/bin/true', [`root-${index}`], { stdio: 'ignore' }), 'exit'),
    );
    try {
      const starts = () =>
        Array.from({ length: acts }, (_, index) => `/bin/true root-${index}`).filter((line) => !seen.lines.has(line));
      await expect.poll(starts, { timeout: 20_000 }).toEqual([]);
      expect(made).toBeGreaterThan(1_000);
      const accounted = () => seen.connections + probe.healthOf('linux-audit').lost;
      await expect.poll(accounted, { timeout: 20_000 }).toBeGreaterThanOrEqual(made);
    } finally {
      await probe[Symbol.asyncDispose]();
    }
  });

  test('of files costs root no file', async () => {
    const { probe, seen, acts, made } = await flood('files', 0, async ({ folder }, index) => {
      // By another process: the agent's own files are none of its business.
      await once(spawn('/bin/sh', ['-c', `echo x > ${join(folder, `root-${index}`)}`], { stdio: 'ignore' }), 'exit');
    });
    try {
      const files = () =>
        Array.from({ length: acts }, (_, index) => join(probe.folder, `root-${index}`)).filter(
          (path) => !seen.files.has(path),
        );
      await expect.poll(files, { timeout: 20_000 }).toEqual([]);
      expect(made).toBeGreaterThan(1_000);
    } finally {
      await probe[Symbol.asyncDispose]();
    }
  });
});

describe.skipIf(NO_CC)(`a stopped agent${NO_CC ? ` (${NO_CC})` : ''}`, () => {
  test('lets no process wait, counts what it did not see, and then sees everything', async () => {
    using _guard = guardAuditState();
    const count = 1_500;
    const reporterFile = join(ROOT, 'test/support/capture-reporter.ts');
    const folder = join(execFileSync('mktemp', ['-d']).toString().trim());
    const spawner = join(folder, 'spawner');
    execFileSync('cc', ['-O2', '-o', spawner, join(ROOT, 'test/bench/spawner.c')]);
    const reporter = spawn(process.execPath, [reporterFile, folder, '65536'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const { pid = 0 } = reporter;
    // Whatever becomes of this process: nobody stays stopped with audit in its hands.
    const dog = spawn('/bin/sh', ['-c', `sleep 30; kill -CONT ${pid} && kill -TERM ${pid}`], {
      detached: true,
      stdio: 'ignore',
    });
    try {
      const lines = createInterface({ input: reporter.stdout })[Symbol.asyncIterator]();
      await lines.next();
      const ask = async (mark: string): Promise<{ seen: number; lost: number }> => {
        reporter.stdin.write(`count ${mark}\n`);
        return JSON.parse(String((await lines.next()).value)) as { seen: number; lost: number };
      };
      process.kill(pid, 'SIGSTOP');
      const output = execFileSync(spawner, ['/bin/true', 'stall-stopped', String(count), '500']).toString();
      process.kill(pid, 'SIGCONT');
      const [, longest = 0, failures] = output.trim().split(' ').map(Number);
      expect(failures).toBe(0);
      // Whoever waited for the reader waited until the end.
      expect(longest / 1e6).toBeLessThan(2_000);
      let at = 0;
      await expect
        .poll(
          async () => {
            spawnSync('/bin/true', [`stall-again-${at}`]);
            at += 1;
            return (await ask('stall-again')).seen;
          },
          { timeout: 15_000, interval: 50 },
        )
        .toBeGreaterThan(20);
      await expect
        .poll(
          async () => {
            const { seen, lost } = await ask('stall-stopped');
            return seen + lost;
          },
          { timeout: 10_000 },
        )
        .toBeGreaterThanOrEqual(count);
      reporter.stdin.end('end\n');
      await once(reporter, 'exit');
    } finally {
      if (dog.pid !== undefined && dog.exitCode === null) process.kill(-dog.pid, 'SIGKILL');
      if (reporter.exitCode === null && reporter.signalCode === null) {
        process.kill(pid, 'SIGCONT');
        reporter.kill('SIGKILL');
        await once(reporter, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
