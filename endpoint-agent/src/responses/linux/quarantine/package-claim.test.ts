import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageClaim } from './package-claim.ts';

const MD5 = '0123456789abcdef0123456789abcdef';
let dpkg: string;

beforeAll(() => {
  dpkg = mkdtempSync(join(tmpdir(), 'yagura-dpkg-'));
  const info = join(dpkg, 'info');
  mkdirSync(info);
  const write = (name: string, lines: readonly string[]) =>
    writeFileSync(join(info, name), `${lines.join('\n')}\n`, 'latin1');
  for (let index = 0; index < 150; index += 1) write(`filler${index}.list`, ['/.', `/usr/share/filler${index}`]);
  write('coreutils.list', ['/.', '/bin', '/bin/ls', '/usr/bin/sort']);
  write('coreutils.md5sums', [`${MD5}  bin/ls`]);
  write('libz1:amd64.list', ['/usr/lib/libz.so.1', '/usr/bin/caf\xc3\xa9']);
  write('libz1:amd64.md5sums', [`${MD5}  usr/lib/libz.so.1`, `${MD5}  usr/bin/caf\xc3\xa9`]);
  write('cron.list', ['/etc/crontab', '/usr/sbin/cron']);
  write('cron.conffiles', ['/etc/crontab']);
  write('dash.list', ['/usr/bin/sh']);
  write('dash.md5sums', [`${MD5}  usr/bin/sh`]);
  writeFileSync(join(dpkg, 'diversions'), '/usr/bin/sh\n/usr/bin/sh.distrib\nbash\n');
});

afterAll(() => rmSync(dpkg, { recursive: true, force: true }));

test.each([
  ['/bin/ls', { kind: 'owned', package: 'coreutils', md5: MD5 }],
  ['/usr/bin/ls', { kind: 'owned', package: 'coreutils', md5: MD5 }],
  ['/usr/bin/sort', { kind: 'owned', package: 'coreutils' }],
  ['/usr/lib/libz.so.1', { kind: 'owned', package: 'libz1', md5: MD5 }],
  ['/usr/bin/café', { kind: 'owned', package: 'libz1', md5: MD5 }],
  ['/etc/crontab', { kind: 'configuration', package: 'cron' }],
  ['/usr/bin/sh.distrib', { kind: 'owned', package: 'dash', md5: MD5 }],
  ['/usr/bin/sor', { kind: 'none' }],
  ['/usr/bin/sort2', { kind: 'none' }],
  ['/sbin/ls', { kind: 'none' }],
  ['/tmp/bin/ls', { kind: 'none' }],
])('%s', async (path, claim) => {
  expect(await packageClaim(Buffer.from(path), dpkg)).toEqual(claim);
});

test('a name with a line feed cannot pass for a line of the list', async () => {
  expect(await packageClaim(Buffer.from('/tmp/x\n/usr/bin/sort'), dpkg)).toEqual({ kind: 'none' });
});

test.each([
  ['/usr/bin/ls', 'unknown'],
  ['/usr/lib/x.so', 'unknown'],
  ['/lib64/x', 'unknown'],
  ['/usr/local/bin/x', 'none'],
  ['/tmp/x', 'none'],
  ['/opt/x', 'none'],
])('without dpkg %s is %s', async (path, kind) => {
  expect(await packageClaim(Buffer.from(path), join(dpkg, 'absent'))).toEqual({ kind });
});
