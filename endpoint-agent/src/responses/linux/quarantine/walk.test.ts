import { describe, expect, test } from 'vitest';
import { parseMounts } from './mounts.ts';
import { pathComponents } from './walk.ts';

describe('components of a path', () => {
  test('are bytes, whatever the names hold', () => {
    const path = '/tmp//a b/\\xff\\x0a/\u202etxt.exe/...';
    const parsed = pathComponents(path);
    expect(parsed.ok && parsed.value.map((name) => name.toString('hex'))).toEqual([
      '746d70',
      '612062',
      'ff0a',
      Buffer.from('\u202etxt.exe').toString('hex'),
      '2e2e2e',
    ]);
  });

  test.each([
    ['a relative path', 'tmp/x'],
    ['nothing', ''],
    ['the root', '/'],
    ['a slash at the end', '/tmp/x/'],
    ['a way up', '/tmp/../etc/passwd'],
    ['a dot', '/tmp/./x'],
    ['an encoded way up', '/tmp/\\x2e\\x2e/etc/passwd'],
    ['a NUL', '/tmp/x\\x00/y'],
    ['a name of 256 bytes', `/tmp/${'x'.repeat(256)}`],
    ['an encoded slash that makes a folder', '/tmp/x\\x2f'],
  ])('%s is refused', (_what, path) => {
    expect(pathComponents(path)).toMatchObject({ ok: false, code: 'path_unsafe' });
  });
});

test('mounts are read with what may stand before the separator', () => {
  const text = [
    '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '30 27 0:44 /sub /mnt/a\\040b rw,relatime shared:1 master:2 - fuse.sshfs user@host:/ rw,user_id=0',
    'nonsense',
    '',
  ].join('\n');
  expect([...parseMounts(text).values()]).toEqual([
    { id: 27, device: '254:0', type: 'ext4' },
    { id: 30, device: '0:44', type: 'fuse.sshfs' },
  ]);
});
