import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CaptureProbe, compile, NO_CC, startCapture } from '../../../../../test/support/capture-probe.ts';

/** A program without libraries, as it lies in an image: writes a file, connects, and waits. */
const PAYLOAD = `
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sockaddr_in to = {AF_INET, htons(atoi(argv[1])), {htonl(INADDR_LOOPBACK)}};
  int file = open("/etc/dropped", O_CREAT | O_WRONLY, 0644);
  write(file, "x", 1);
  close(file);
  connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to);
  usleep(200000);
}`;

const BWRAP = '/usr/bin/bwrap';
const NO_BWRAP = NO_CC ?? (existsSync(BWRAP) ? undefined : 'needs bubblewrap');
/** Where the machine keeps the control groups by name, of version 2 or of systemd's own. */
const CGROUPS = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup'].find((path) =>
  existsSync(join(path, 'cgroup.procs')),
);

describe.skipIf(NO_CC)(`files in other mount namespaces${NO_CC ? ` (${NO_CC})` : ''}`, () => {
  let probe: CaptureProbe;
  let folder: string;
  const shells: ChildProcess[] = [];

  beforeAll(async () => {
    folder = mkdtempSync('/var/tmp/yagura-namespaces-');
    probe = await startCapture({ sources: ['linux-audit', 'linux-files'] });
  });
  afterEach(async () => {
    for (const shell of shells.splice(0)) {
      if (shell.exitCode !== null || shell.signalCode !== null) continue;
      shell.kill('SIGKILL');
      await once(shell, 'exit');
    }
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A shell in a mount namespace of its own that runs what it is sent, and its inode number. */
  function privateShell(): { readonly run: (script: string) => void; readonly namespace: number } {
    const shell = spawn('unshare', ['-m', '/bin/bash', '--norc'], { cwd: '/', stdio: ['pipe', 'ignore', 'inherit'] });
    shells.push(shell);
    const own = statSync('/proc/self/ns/mnt').ino;
    const inode = () => statSync(`/proc/${shell.pid}/ns/mnt`).ino;
    while (inode() === own) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    return { run: (script) => shell.stdin?.write(`${script}\n`), namespace: inode() };
  }

  const place = (name: string): string => mkdtempSync(join(folder, `${name}-`));
  const fileAt = (path: string, more: Readonly<Record<string, unknown>> = {}) =>
    probe.find('file_event', ({ fields }) => {
      return fields['TargetFilename'] === path && Object.entries(more).every(([name, value]) => fields[name] === value);
    });

  test.each(['tmpfs', 'ext4'])('a %s that is mounted in a private namespace is watched at once', async (type) => {
    const point = place(type);
    const { run, namespace } = privateShell();
    if (type === 'ext4') {
      const image = `${point}.image`;
      expect(spawnSync('/usr/sbin/mkfs.ext4', ['-q', image, '4M']).status).toBe(0);
      run(`mount -o loop ${image} ${point}`);
    } else run(`mount -t tmpfs yagura ${point}`);
    // At once: before the mark is set the walk over the new filesystem finds it, afterwards the event.
    run(`echo first > ${point}/first; sleep 1; mkdir ${point}/sub; echo x > ${point}/sub/later`);
    const first = await fileAt(`${point}/first`);
    expect(first.fields).toMatchObject({ MountNamespace: namespace });
    const later = await fileAt(`${point}/sub/later`, { Operation: 'create_write' });
    expect(later.fields).toMatchObject({ MountNamespace: namespace, User: 'root' });
    expect(String(later.fields['Image'])).toMatch(/\/bash$/);
    run(`mv ${point}/sub/later ${point}/moved; chmod 4755 ${point}/moved; rm ${point}/moved`);
    const renamed = await probe.find('file_rename', ({ fields }) => fields['TargetFilename'] === `${point}/moved`);
    expect(renamed.fields).toMatchObject({ SourceFilename: `${point}/sub/later`, MountNamespace: namespace });
    const changed = await probe.find('file_change', ({ fields }) => fields['TargetFilename'] === `${point}/moved`);
    expect(changed.fields).toMatchObject({ MountNamespace: namespace });
    await probe.find('file_delete', ({ fields }) => fields['TargetFilename'] === `${point}/moved`);
    expect(existsSync(`${point}/first`)).toBe(false);
  });

  test('a filesystem of a private namespace can be unmounted, and goes with its last process', async () => {
    const point = place('unmounted');
    const { run } = privateShell();
    run(`mount -t tmpfs yagura ${point}; sleep 0.5; echo x > ${point}/seen`);
    await fileAt(`${point}/seen`);
    run(`umount ${point} && echo done > ${point}/below`);
    const below = await fileAt(`${point}/below`);
    expect(below.fields).not.toHaveProperty('MountNamespace');
    expect(probe.healthOf('linux-files')).toMatchObject({ state: 'active' });
  });

  test('what is written to the devices of a sandbox is no file', async () => {
    const point = join(place('sandbox'), 'dev');
    mkdirSync(point);
    const { run } = privateShell();
    run(
      `mount -t tmpfs yagura ${point}; sleep 0.5; mknod ${point}/null c 1 3; echo x > ${point}/null; echo x > ${point}/file`,
    );
    await fileAt(`${point}/file`);
    const ofDevice = probe.seen.filter(({ fields }) => fields['TargetFilename'] === `${point}/null`);
    expect(ofDevice.map(({ fields }) => fields['Operation'])).toEqual(['create']);
  });

  test('a container: its start, its file and its connection, each told of with it', async () => {
    const listener: Server = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const id = randomBytes(32).toString('hex');
    const group = join(CGROUPS ?? '', 'docker');
    const hadGroup = existsSync(group);
    const root = place('container');
    for (const part of ['lower/etc', 'upper', 'work', 'merged']) mkdirSync(join(root, part), { recursive: true });
    expect(compile(join(root, 'lower'), 'payload', PAYLOAD, ['-static'])).toBeDefined();
    mkdirSync(join(group, id), { recursive: true });
    try {
      const { run, namespace } = privateShell();
      const layers = `lowerdir=${root}/lower,upperdir=${root}/upper,workdir=${root}/work`;
      run(`mount -t overlay overlay -o ${layers} ${root}/merged; echo $$ > ${group}/${id}/cgroup.procs
        cd ${root}/merged; mkdir old; pivot_root . old; cd /; exec /payload ${port}`);
      const started = await probe.find('process_creation', ({ fields }) => fields['Image'] === '/payload');
      expect(started.fields).toMatchObject({ ContainerId: id, MountNamespace: namespace });
      const connected = await probe.find('network_connection', ({ pid }) => pid === started.pid);
      expect(connected.fields).toMatchObject({ DestinationIp: '127.0.0.1', DestinationPort: port });
      // Below the overlay, where it can be opened from here.
      const written = await fileAt(`${root}/upper/etc/dropped`);
      expect(written).toMatchObject({ pid: started.pid, fields: { Operation: 'create_write', Image: '/payload' } });
      expect(probe.healthOf('linux-files')).toMatchObject({ state: 'active' });
    } finally {
      listener.close();
      for (const shell of shells) if (shell.exitCode === null) await once(shell, 'exit');
      rmdirSync(join(group, id));
      if (!hadGroup) rmdirSync(group);
    }
  });

  test('an overlay whose writes go where nobody reaches is named', async () => {
    const root = place('hidden');
    mkdirSync(join(root, 'merged'));
    const { run } = privateShell();
    run(`mount -t tmpfs yagura ${root}/merged; mkdir ${root}/merged/{l,u,w,m}; cd ${root}/merged
      mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m; mount --move m /mnt; cd /; umount -l ${root}/merged`);
    const health = () => probe.healthOf('linux-files');
    await expect.poll(() => health().code, { timeout: 20_000 }).toBe('mounts_unmarked');
    expect(health()).toMatchObject({ state: 'degraded', detail: expect.stringContaining('/mnt in mount namespace') });
  });

  test.skipIf(NO_BWRAP)(`a sandbox of bubblewrap${NO_BWRAP ? ` (${NO_BWRAP})` : ''}`, async () => {
    const script = 'echo x > /mnt/early; sleep 1; echo y > /mnt/late; sleep 1';
    const sandbox = spawn(BWRAP, ['--ro-bind', '/', '/', '--tmpfs', '/mnt', '--unshare-pid', '--', 'sh', '-c', script]);
    shells.push(sandbox);
    const late = await fileAt('/mnt/late', { Operation: 'create_write' });
    expect(late.fields).toHaveProperty('MountNamespace');
    await fileAt('/mnt/early');
    expect(existsSync('/mnt/late')).toBe(false);
  });

  test('a file that is written while the queue overflows is found afterwards', async () => {
    const { lost } = probe.healthOf('linux-files');
    const flood = `const fs=require('fs');for(let i=0;i<30000;i++)fs.closeSync(fs.openSync('/dev/shm/yagura-flood-'+i,'w'));
      fs.writeFileSync(process.argv[1],'#!/bin/sh');for(let i=0;i<30000;i++)fs.unlinkSync('/dev/shm/yagura-flood-'+i)`;
    const found = (path: string) => probe.seen.find(({ fields }) => fields['TargetFilename'] === path);
    let dropped = '';
    // The reader has to stand still until the flood is over, which takes longer on a busy machine.
    for (const stall of [2_500, 20_000]) {
      dropped = join(folder, `dropped-within-${stall}`);
      probe.stall(stall);
      expect(spawnSync(process.execPath, ['-e', flood, dropped]).status).toBe(0);
      const isFound = () => found(dropped) !== undefined;
      await vi.waitUntil(isFound, { timeout: 80_000, interval: 100 });
      if (found(dropped)?.fields['FoundBy'] === 'rescan') break;
    }
    expect(found(dropped)?.fields).toMatchObject({ FoundBy: 'rescan', Operation: 'create_write', FileOwner: 'root' });
    expect(found(dropped)?.fields).not.toHaveProperty('ProcessId');
    expect(probe.healthOf('linux-files').lost).toBeGreaterThan(lost);
  }, 200_000);
});
