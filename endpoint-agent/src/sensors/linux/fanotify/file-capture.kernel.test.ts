import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CaptureProbe, NO_KERNEL, startCapture } from '../../../../../test/support/capture-probe.ts';
import { decodePath } from '../../../native/path-bytes.ts';

/** On the disk and on tmpfs; both are marked. */
const PLACES = ['/var/tmp', '/dev/shm'];

describe.skipIf(NO_KERNEL)(`fanotify captures files with their writer${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let probe: CaptureProbe;
  const folders = new Map<string, string>();

  beforeAll(async () => {
    for (const place of PLACES) folders.set(place, mkdtempSync(`${place}/yagura-files-`));
    probe = await startCapture();
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
    for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true });
  });

  test('every filesystem of this machine is marked', () => {
    expect(probe.healthOf('linux-files')).toMatchObject({ name: 'linux-files', state: 'active' });
  });

  // With a socket as its input bash would read the startup files of whoever runs the tests.
  const shell = (script: string, cwd: string) => spawnSync('/bin/bash', ['--norc', '-c', script], { cwd });

  test.each(PLACES)('create, write, rename and delete on %s', async (place) => {
    const folder = folders.get(place) ?? '';
    const [first, second] = [join(folder, 'one.txt'), join(folder, 'two.txt')];
    const writer = shell('echo content > one.txt; mv one.txt two.txt; sleep 0.1; rm two.txt; true', folder);
    const created = await probe.find('file_event', ({ fields }) => fields['TargetFilename'] === first);
    expect(created).toMatchObject({ pid: writer.pid, fields: { Operation: 'create_write', User: 'root' } });
    expect(String(created.fields['Image'])).toMatch(/\/bash$/);
    const renamed = await probe.find('file_rename', ({ fields }) => fields['SourceFilename'] === first);
    expect(renamed.fields['TargetFilename']).toBe(second);
    expect(String(renamed.fields['Image'])).toMatch(/\/mv$|\/coreutils$/);
    const deleted = await probe.find('file_delete', ({ fields }) => fields['TargetFilename'] === second);
    expect(String(deleted.fields['Image'])).toMatch(/\/rm$|\/coreutils$/);
    const order = [created, renamed, deleted].map((observation) => probe.seen.indexOf(observation));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test('a write to a file that was there is told from a new one', async () => {
    const folder = folders.get('/var/tmp') ?? '';
    shell('echo a > kept', folder);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const writer = shell('echo b >> kept', folder);
    const written = await probe.find('file_event', ({ pid }) => pid === writer.pid);
    expect(written.fields).toMatchObject({ TargetFilename: join(folder, 'kept'), Operation: 'write' });
  });

  test('names with newlines, invalid UTF-8 and right-to-left marks come back as the bytes they are', async () => {
    const folder = folders.get('/var/tmp') ?? '';
    const name = Buffer.concat([Buffer.from('a\nb'), Buffer.from([0xff, 0xfe]), Buffer.from('\u202egpj.exe')]);
    const escaped = [...name].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
    shell(`printf x > "$(printf '${escaped}')"`, folder);
    const whole = Buffer.concat([Buffer.from(`${folder}/`), name]);
    const seen = await probe.find('file_event', ({ fields }) =>
      decodePath(String(fields['TargetFilename'])).equals(whole),
    );
    expect(seen.fields['TargetFilename']).toBe(`${folder}/a\\x0ab\\xff\\xfe\u202egpj.exe`);
    expect(readFileSync(decodePath(String(seen.fields['TargetFilename']))).toString()).toBe('x');
  });

  test('a directory that lived for a moment still names its files', async () => {
    const folder = folders.get('/dev/shm') ?? '';
    shell('for i in $(seq 50); do mkdir d$i; echo x > d$i/f; rm -r d$i; done', folder);
    const found: string[] = [];
    for (let index = 1; index <= 50; index += 1) {
      const path = join(folder, `d${index}`, 'f');
      const written = await probe.find('file_event', ({ fields }) => fields['TargetFilename'] === path);
      const deleted = await probe.find('file_delete', ({ fields }) => fields['TargetFilename'] === path);
      found.push(written.logsource.category ?? '', deleted.logsource.category ?? '');
    }
    expect(found).toHaveLength(100);
  });

  test('after a directory was renamed its files have the new path', async () => {
    const folder = folders.get('/var/tmp') ?? '';
    mkdirSync(join(folder, 'old', 'deep'), { recursive: true });
    shell('echo 1 > old/deep/before', folder);
    await probe.find('file_event', ({ fields }) => String(fields['TargetFilename']).endsWith('old/deep/before'));
    shell('mv old new; echo 2 > new/deep/after', folder);
    const after = await probe.find('file_event', ({ fields }) => String(fields['TargetFilename']).endsWith('/after'));
    expect(after.fields['TargetFilename']).toBe(join(folder, 'new', 'deep', 'after'));
    const renamed = await probe.find('file_rename', ({ fields }) => fields['TargetFilename'] === join(folder, 'new'));
    expect(renamed.fields).toMatchObject({ SourceFilename: join(folder, 'old'), IsDirectory: true });
  });

  test('many writes to one path by one process become few events, and the last one counts', async () => {
    const folder = folders.get('/dev/shm') ?? '';
    const path = join(folder, 'busy.log');
    const script = 'for i in $(seq 500); do echo $i >> busy.log; done; sleep 0.1; echo last >> busy.log';
    const writer = shell(script, folder);
    await new Promise((resolve) => setTimeout(resolve, 1_700));
    const events = probe.seen.filter(({ pid, fields }) => pid === writer.pid && fields['TargetFilename'] === path);
    // The first at once; those of the second after it, the last write among them, as one.
    expect(events.length).toBeGreaterThanOrEqual(2);
    expect(events.length).toBeLessThanOrEqual(4);
    expect(Number(events.at(-1)?.fields['Count'] ?? 1)).toBeGreaterThanOrEqual(1);
    expect(events.at(-1)?.fields['Operation']).toBe('write');
  });

  test("the agent's own directory is not reported", async () => {
    const folder = folders.get('/dev/shm') ?? '';
    shell(`echo x > '${probe.stateDir}/inside'; echo x > beacon`, folder);
    await probe.find('file_event', ({ fields }) => fields['TargetFilename'] === join(folder, 'beacon'));
    const inside = probe.seen.filter(({ fields }) => String(fields['TargetFilename']).startsWith(probe.stateDir));
    expect(inside).toEqual([]);
  });

  test('a filesystem mounted later is watched, and can be unmounted', async () => {
    const folder = folders.get('/var/tmp') ?? '';
    const point = join(folder, 'mounted here');
    mkdirSync(point);
    expect(spawnSync('mount', ['-t', 'tmpfs', 'yagura-test', point]).status).toBe(0);
    try {
      // At once: before the mark is set the walk over the new filesystem finds it.
      shell('echo x > first', point);
      await probe.find('file_event', ({ fields }) => fields['TargetFilename'] === join(point, 'first'));
      shell('mkdir sub; echo x > sub/file', point);
      const later = await probe.find(
        'file_event',
        ({ fields }) => fields['TargetFilename'] === join(point, 'sub/file'),
      );
      expect(later.fields).toMatchObject({ Operation: 'create_write', User: 'root' });
    } finally {
      expect(spawnSync('umount', [point]).status).toBe(0);
    }
  });

  test('an overflow of the queue is counted', async () => {
    const folder = folders.get('/dev/shm') ?? '';
    const before = probe.healthOf('linux-files').lost;
    probe.stall(3_000);
    const script = `const fs=require('fs');for(let i=0;i<30000;i++)fs.closeSync(fs.openSync('flood-'+i,'w'))`;
    spawnSync(process.execPath, ['-e', script], { cwd: folder });
    await expect.poll(() => probe.healthOf('linux-files').lost, { timeout: 10_000 }).toBeGreaterThan(before);
  });
});
