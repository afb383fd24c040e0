import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OWN_RULES } from '../../../../../test/fakes/own-rules.ts';
import { type CaptureProbe, compile, NO_CC, startCapture } from '../../../../../test/support/capture-probe.ts';
import { createSigmaEvaluator } from '../../../core/detection/sigma/create-sigma-evaluator.ts';

/** Each call that changes attributes, by path and by descriptor; `argv[1]` names the call, `argv[2]` the file. */
const CHANGER = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
int main(int argc, char **argv) {
  const char *call = argv[1], *file = argv[2];
  struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
  if (!strcmp(call, "chmod")) return chmod(file, 0640);
  if (!strcmp(call, "fchmod")) return fchmod(open(file, O_RDONLY), 0600);
  if (!strcmp(call, "chown")) return chown(file, 12345, 12345);
  if (!strcmp(call, "lchown")) return lchown(file, 12346, -1);
  if (!strcmp(call, "utimensat")) return utimensat(AT_FDCWD, file, old, 0);
  if (!strcmp(call, "setxattr")) return setxattr(file, "trusted.yagura", "x", 1, 0);
  if (!strcmp(call, "removexattr")) return removexattr(file, "trusted.yagura");
  return 99;
}`;

/** security.capability, version 2: CAP_NET_RAW permitted and effective. */
const CAPABILITY = `
#include <sys/xattr.h>
int main(int argc, char **argv) {
  unsigned char value[20] = {1, 0, 0, 2, 0, 0x20};
  return setxattr(argv[1], "security.capability", value, sizeof value, 0);
}`;

describe.skipIf(NO_CC)(`fanotify captures changes of attributes${NO_CC ? ` (${NO_CC})` : ''}`, () => {
  let probe: CaptureProbe;
  let folder: string;
  let changer: string;

  beforeAll(async () => {
    folder = mkdtempSync('/var/tmp/yagura-attributes-');
    changer = compile(folder, 'changer', CHANGER) ?? '';
    probe = await startCapture({ sources: ['linux-files'] });
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const changeOf = (path: string, pid: number) =>
    probe.find('file_change', (seen) => seen.pid === pid && seen.fields['TargetFilename'] === path);
  const old = (name: string) => {
    const path = join(folder, name);
    writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 });
    return path;
  };

  test.each([
    ['chmod', { FileMode: '0640', FileOwner: 'root' }],
    ['fchmod', { FileMode: '0600' }],
    ['chown', { FileOwner: '12345' }],
    ['lchown', { FileOwner: '12346' }],
    ['utimensat', { LastWriteTime: '2001-09-09T01:46:40.000Z' }],
    ['setxattr', { FileMode: '0755' }],
    ['removexattr', { FileMode: '0755' }],
  ])('%s, with the process and what it made of the file', async (call, fields) => {
    const path = old(call);
    if (call === 'removexattr') spawnSync(changer, ['setxattr', path]);
    const { pid, status } = spawnSync(changer, [call, path]);
    expect(status).toBe(0);
    const seen = await changeOf(path, pid);
    expect(seen.fields).toMatchObject({ EventType: 'attributes_changed', ...fields });
    expect(seen.fields).not.toHaveProperty('IsSetUserId');
  });

  test('a file that lets its starter act as its owner or group is told apart', async () => {
    const path = old('suid');
    const user = spawnSync('chmod', ['u+s', path]);
    expect((await changeOf(path, user.pid)).fields).toMatchObject({ FileMode: '4755', IsSetUserId: true });
    const group = spawnSync('chmod', ['2755', path]);
    const seen = (await changeOf(path, group.pid)).fields;
    expect(seen).toMatchObject({ IsSetGroupId: true });
    expect(seen).not.toHaveProperty('IsSetUserId');
  });

  test('a rule of ours finds a copy that makes root of whoever runs it, whatever gave it the bit', async () => {
    const path = join(folder, 'copy');
    const script = `import os, shutil, sys; shutil.copy("/bin/true", sys.argv[1]); os.chmod(sys.argv[1], 0o4755)`;
    const { pid, status } = spawnSync('python3', ['-c', script, path]);
    expect(status).toBe(0);
    const rules = createSigmaEvaluator(OWN_RULES.filter(({ name }) => name === 'rights_of_file_owner_given'));
    const found = rules.evaluate(await changeOf(path, pid)).map(({ rule }) => rule.title);
    expect(found).toEqual(["Rights of a File's Owner Given to Whoever Runs It"]);
  });

  test('a file that is given capabilities', async () => {
    const path = old('capable');
    const program = compile(folder, 'capability', CAPABILITY) ?? '';
    const { pid, status } = spawnSync(program, [path]);
    expect(status).toBe(0);
    expect((await changeOf(path, pid)).fields).toMatchObject({ HasFileCapabilities: true });
  });

  test('the mode of a directory, under the directory’s own path', async () => {
    const path = join(folder, 'directory');
    mkdirSync(path);
    const { pid } = spawnSync('chmod', ['700', path]);
    expect((await changeOf(path, pid)).fields).toMatchObject({ FileMode: '0700', IsDirectory: true });
  });

  test('who makes a file and finishes it is told once, unless it gives rights to others', async () => {
    const path = join(folder, 'python');
    const make = `import os
for name, mode in (("plain", 0o600), ("rights", 0o4755)):
    open(name, "w").close()
    os.chmod(name, mode)`;
    mkdirSync(path);
    const { pid, status } = spawnSync('python3', ['-c', make], { cwd: path });
    expect(status).toBe(0);
    expect((await changeOf(join(path, 'rights'), pid)).fields).toMatchObject({ IsSetUserId: true });
    await probe.find('file_event', (seen) => seen.fields['TargetFilename'] === join(path, 'plain'));
    const ofPlain = probe.seen.filter(({ logsource, fields }) => {
      return logsource.category === 'file_change' && fields['TargetFilename'] === join(path, 'plain');
    });
    expect(ofPlain).toEqual([]);
  });

  test('ten thousand files changed by one process are few events, with their count', async () => {
    const tree = join(folder, 'tree');
    mkdirSync(tree);
    const make = `const fs=require('fs');for(let i=0;i<10000;i++)fs.writeFileSync('${tree}/'+i,'')`;
    spawnSync(process.execPath, ['-e', make]);
    const { pid } = spawnSync('chmod', ['-R', 'o+r', tree]);
    const isOfTree = ({ pid: by, logsource }: (typeof probe.seen)[number]) =>
      by === pid && logsource.category === 'file_change';
    const told = () => probe.seen.filter(isOfTree).reduce((sum, { fields }) => sum + Number(fields['Count'] ?? 1), 0);
    await expect.poll(told, { timeout: 20_000 }).toBeGreaterThanOrEqual(10_000);
    const events = probe.seen.filter(isOfTree);
    expect(events.length).toBeLessThan(100);
    expect(events.some(({ fields }) => fields['TargetFilename'] === tree && Number(fields['Count']) > 5_000)).toBe(
      true,
    );
  });

  test('a removed link is no change of attributes', async () => {
    const path = old('linked');
    spawnSync('/bin/sh', ['-c', `ln ${path} ${path}2; rm ${path}2; chmod 600 ${path}`]);
    await probe.find('file_delete', ({ fields }) => fields['TargetFilename'] === `${path}2`);
    await probe.find('file_change', ({ fields }) => fields['TargetFilename'] === path);
    const changes = probe.seen.filter(({ logsource }) => logsource.category === 'file_change');
    expect(changes.filter(({ fields }) => fields['TargetFilename'] === path)).toHaveLength(1);
  });
});
