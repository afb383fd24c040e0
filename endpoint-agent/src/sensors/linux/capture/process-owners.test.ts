import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ProcessOwners } from './process-owners.ts';

test('is asked once a second, and remembers those that are gone', () => {
  const running = new Map([[1, '0']]);
  let asked = 0;
  const owners = new ProcessOwners((pid) => {
    asked += 1;
    return running.get(pid);
  });
  expect([owners.of(1, 0), owners.of(1, 999)]).toEqual(['0', '0']);
  expect(asked).toBe(1);
  running.set(1, '1000');
  expect(owners.of(1, 1_000)).toBe('1000');
  running.delete(1);
  expect([owners.of(1, 5_000), owners.of(2, 5_000)]).toEqual(['1000', '']);
});

test('a child that is gone at once is its parent’s user, one that became another is his', () => {
  const running = new Map([
    [1, '0'],
    [3, '33'],
  ]);
  const owners = new ProcessOwners((pid) => running.get(pid));
  owners.of(1, 0);
  owners.noteFork(2, 1, 0);
  owners.noteFork(3, 1, 0);
  owners.noteFork(9, 8, 0);
  expect([owners.of(2, 0), owners.of(3, 0), owners.of(9, 0)]).toEqual(['0', '33', '']);
});

test('a hundred thousand processes are not remembered', () => {
  const owners = new ProcessOwners(() => 'u');
  for (let pid = 0; pid < 100_000; pid += 1) owners.of(pid, 0);
  expect(owners.size).toBeLessThanOrEqual(16_384);
});

test.skipIf(process.platform !== 'linux')('the user of this process', () => {
  expect(new ProcessOwners().of(process.pid, 0)).toBe(String(process.getuid?.()));
});

const HAS_PERL =
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('perl', ['-e', '1']).status === 0;
const why = HAS_PERL ? '' : ' (needs root on Linux and Perl)';

test.skipIf(!HAS_PERL)(`a server that gave up root counts for the user it became${why}`, async () => {
  const server = spawn(
    'perl',
    ['-e', '$( = $) = 61001; $< = $> = 61001; print "ready\n"; $| = 1; print ""; sleep 60'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  try {
    await once(server.stdout, 'data');
    const pid = server.pid ?? 0;
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t61001\t/m);
    expect(new ProcessOwners().of(pid, 0)).toBe('61001');
  } finally {
    server.kill('SIGKILL');
  }
});
