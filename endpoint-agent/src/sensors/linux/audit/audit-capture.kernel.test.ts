import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CaptureProbe,
  compile,
  NO_CC,
  NO_KERNEL,
  startCapture,
} from '../../../../../test/support/capture-probe.ts';
import { decodePath } from '../../../native/path-bytes.ts';
import type { Observation } from '../../sensor.ts';

const lineHas = (part: string) => (observation: Observation) =>
  String(observation.fields['CommandLine']).includes(part);

describe.skipIf(NO_KERNEL)(`audit captures what runs and connects${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let probe: CaptureProbe;
  let secret: string;

  beforeAll(async () => {
    const { mkdtempSync } = await import('node:fs');
    const folder = mkdtempSync('/tmp/yagura-audit-');
    secret = join(folder, 'secret key');
    writeFileSync(secret, 'not for everyone');
    probe = await startCapture({ folder, watchedPaths: [{ path: secret, kind: 'file' }] });
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
  });

  test('the sensor is active', () => {
    expect(probe.healthOf('linux-audit')).toMatchObject({ state: 'active' });
  });

  test('a process start has its whole context', async () => {
    const child = spawnSync('/bin/sh', ['-c', '/bin/true context-one "two  words" ""; exit 0'], { cwd: probe.folder });
    expect(child.status).toBe(0);
    const { fields, pid, parentPid } = await probe.find('process_creation', lineHas('true context-one two  words'));
    const image = String(fields['Image']);
    expect(fields).toMatchObject({
      ProcessId: pid,
      CommandLine: '/bin/true context-one two  words ',
      Arguments: JSON.stringify(['/bin/true', 'context-one', 'two  words', '']),
      CurrentDirectory: probe.folder,
      User: 'root',
      ParentProcessId: child.pid,
      sha256: createHash('sha256').update(readFileSync(image)).digest('hex'),
    });
    expect(fields['Hashes']).toBe(`SHA256=${fields['sha256']}`);
    expect(String(fields['ParentCommandLine'])).toContain('/bin/sh -c /bin/true context-one');
    expect(parentPid).toBe(child.pid);
  });

  test('a command line of 200 KB arrives whole', async () => {
    const long = Array.from({ length: 2 }, (_, index) => `long-${index}-${'x'.repeat(100_000)}`);
    const spaced = `spaced ${'y '.repeat(30_000)}`;
    spawnSync('/bin/true', [...long, spaced, 'last-of-the-long']);
    const { fields } = await probe.find('process_creation', lineHas('last-of-the-long'));
    expect(fields['CommandLine']).toBe(['/bin/true', ...long, spaced, 'last-of-the-long'].join(' '));
  });

  test('newlines, Japanese and invalid UTF-8 in arguments survive', async () => {
    spawnSync('/bin/sh', ['-c', '/bin/true bytes-mark "$(printf \'a\\nb\\377c\')" 日本']);
    const { fields } = await probe.find('process_creation', (seen) =>
      String(seen.fields['CommandLine']).startsWith('/bin/true bytes-mark'),
    );
    expect(fields['CommandLine']).toBe('/bin/true bytes-mark a\nb\\xffc 日本');
    expect(decodePath(String(fields['CommandLine']))).toEqual(
      Buffer.concat([Buffer.from('/bin/true bytes-mark a\nb'), Buffer.from([0xff]), Buffer.from('c 日本')]),
    );
  });

  test('an image that deletes itself at once still has its hash, or none, never a wrong one', async () => {
    const copy = join(probe.folder, 'vanishing');
    copyFileSync('/bin/true', copy);
    const expected = createHash('sha256').update(readFileSync(copy)).digest('hex');
    spawnSync(copy, ['vanish-mark']);
    rmSync(copy);
    writeFileSync(copy, 'something else');
    const { fields } = await probe.find('process_creation', lineHas('vanish-mark'));
    expect([expected, undefined]).toContain(fields['sha256']);
    expect(fields['Image']).toBe(copy);
  });

  test('a process whose parent is gone keeps the parent that forked it', async () => {
    spawnSync('/bin/sh', ['-c', '(sleep 0.2; exec /bin/true orphan-mark) & exit 0']);
    const { fields } = await probe.find(
      'process_creation',
      (seen) => seen.fields['CommandLine'] === '/bin/true orphan-mark',
    );
    expect(String(fields['ParentCommandLine'])).toContain('orphan-mark) & exit 0');
  });

  test.skipIf(NO_CC)(`execveat of a descriptor${NO_CC ? ` (${NO_CC})` : ''}`, async () => {
    const binary = compile(
      probe.folder,
      'at',
      `#define _GNU_SOURCE
       #include <fcntl.h>
       #include <unistd.h>
       #include <sys/syscall.h>
       int main(){int fd=open("/bin/true",O_RDONLY);char*a[]={"true","execveat-mark",0};char*e[]={0};
       syscall(SYS_execveat,fd,"",a,e,0x1000);return 1;}`,
    );
    expect(spawnSync(binary ?? '').status).toBe(0);
    const { fields } = await probe.find('process_creation', lineHas('execveat-mark'));
    expect(String(fields['Image'])).toMatch(/\/true$|\/coreutils$/);
  });

  test.skipIf(NO_CC)(`32-bit system calls${NO_CC ? ` (${NO_CC})` : ''}`, async ({ skip }) => {
    const binary = compile(probe.folder, 'abi32', ABI32, [
      '-m32',
      '-nostdlib',
      '-static',
      '-ffreestanding',
      '-fno-pic',
      '-no-pie',
      '-fno-stack-protector',
    ]);
    if (!binary) return skip('the compiler has no 32-bit mode');
    const { status } = spawnSync(binary);
    if (status !== 0) return skip('the kernel runs no 32-bit programs');
    const { fields } = await probe.find('process_creation', lineHas('abi32-mark'));
    expect(fields['CommandLine']).toBe('true abi32-mark');
    const connection = await probe.find('network_connection', (seen) => seen.fields['DestinationPort'] === 9_732);
    expect(connection.fields).toMatchObject({ DestinationIp: '127.0.0.1', Image: binary });
  });

  test.each([
    ['127.0.0.1', '127.0.0.1', false],
    ['::1', '::1', true],
    ['::ffff:127.0.0.1', '127.0.0.1', false],
  ])('a connection to %s', async (target, address, isIpv6) => {
    const server: Server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, target.includes(':') ? '::' : '127.0.0.1', resolve));
    const bound = server.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    const script = `require('net').connect(${port},'${target}').on('error',()=>{}).on('close',()=>setTimeout(()=>{},300))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    const { fields, pid } = await probe.find('network_connection', (seen) => seen.fields['DestinationPort'] === port);
    expect(fields).toMatchObject({
      Image: process.execPath,
      DestinationIp: address,
      DestinationIsIpv6: isIpv6,
      Initiated: 'true',
      Protocol: 'tcp',
      User: 'root',
    });
    expect(pid).toBe(child.pid);
    child.kill();
    server.close();
  });

  test('a datagram socket that connects says that it is one', async () => {
    const script = `const s=require('dgram').createSocket('udp4');s.connect(9733,'127.0.0.1',()=>setTimeout(()=>s.close(),300))`;
    spawnSync(process.execPath, ['-e', script]);
    const { fields } = await probe.find('network_connection', (seen) => seen.fields['DestinationPort'] === 9_733);
    expect(fields['Protocol']).toBe('udp');
  });

  test('a read of a watched file, by a relative path', async () => {
    spawnSync('/bin/sh', ['-c', 'cat "./secret key" > /dev/null'], { cwd: probe.folder });
    const { fields } = await probe.find('file_access', (seen) => seen.fields['TargetFilename'] === secret);
    expect(String(fields['Image'])).toMatch(/\/cat$|\/coreutils$/);
  });

  test.skipIf(NO_CC)(`attaching to another process${NO_CC ? ` (${NO_CC})` : ''}`, async () => {
    const binary = compile(
      probe.folder,
      'attach',
      `#include <sys/ptrace.h>
       #include <stdlib.h>
       #include <sys/wait.h>
       int main(int c,char**v){int p=atoi(v[1]);if(ptrace(PTRACE_ATTACH,p,0,0))return 1;waitpid(p,0,__WALL);
       ptrace(PTRACE_DETACH,p,0,0);return 0;}`,
    );
    const victim = spawn('/bin/sleep', ['30']);
    expect(spawnSync(binary ?? '', [String(victim.pid)]).status).toBe(0);
    const { fields } = await probe.find('process_access', (seen) => seen.fields['TargetProcessId'] === victim.pid);
    victim.kill();
    expect(fields).toMatchObject({ SourceImage: binary, GrantedAccess: 'PTRACE_ATTACH' });
    expect(String(fields['TargetImage'])).toMatch(/\/sleep$|\/coreutils$/);
  });

  test('exit codes and signals', async () => {
    const plain = spawnSync('/bin/sh', ['-c', 'exit 42']);
    const killed = spawnSync('/bin/sh', ['-c', 'kill -9 $$']);
    const exited = await probe.find('process_termination', ({ pid }) => pid === plain.pid);
    expect(exited).toMatchObject({ exitCode: 42, fields: { ExitCode: 42 } });
    const ended = await probe.find('process_termination', ({ pid }) => pid === killed.pid);
    expect(ended).toMatchObject({ exitCode: 137, fields: { ExitSignal: 9 } });
  });

  test('nothing of this was lost, and each start comes before its end', async () => {
    expect(probe.healthOf('linux-audit').lost).toBe(0);
    const started = new Map<number, number>();
    probe.seen.forEach(({ logsource, pid }, at) => {
      if (pid !== undefined && logsource.category === 'process_creation') started.set(pid, at);
      if (pid === undefined || logsource.category !== 'process_termination') return;
      expect(started.get(pid) ?? -1).toBeLessThan(at);
    });
  });
});

/** Calls connect through socketcall and then execve, both by the interrupt of the 32-bit ABI. */
const ABI32 = `
static long call(long n,long a,long b,long c){long r;__asm__ volatile("int $0x80":"=a"(r):"0"(n),"b"(a),"c"(b),"d"(c):"memory");return r;}
void _start(void){
  unsigned char to[16]={2,0,0x26,0x04,127,0,0,1};
  long s[3]={2,1,0};
  long fd=call(102,1,(long)s,0);
  long args[3]={fd,(long)to,16};
  call(102,3,(long)args,0);
  char*a[]={"true","abi32-mark",0};char*e[]={0};
  call(11,(long)"/bin/true",(long)a,(long)e);
  call(1,1,0,0);
}`;
