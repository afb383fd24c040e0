import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CaptureProbe, compile, NO_CC, startCapture } from '../../../../../test/support/capture-probe.ts';
import type { Observation } from '../../sensor.ts';

const PROGRAM = readFileSync(new URL('../../../../../test/support/network-program.c', import.meta.url), 'utf8');
/** Of a ring that the kernel or its settings refuse. */
const NO_URING = 77;

describe.skipIf(NO_CC)(`every way over the network is seen${NO_CC ? ` (${NO_CC})` : ''}`, () => {
  let probe: CaptureProbe;
  let program: string;
  let port = 24_000;

  beforeAll(async () => {
    probe = await startCapture({ sources: ['linux-audit', 'linux-processes'] });
    program = compile(probe.folder, 'network-program', PROGRAM) ?? '';
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
  });

  async function run(way: string, ip: string, ...more: string[]) {
    port += 1;
    const child = spawn(program, [way, ip, String(port), ...more], { stdio: 'ignore' });
    const [status] = (await once(child, 'exit')) as [number | null];
    return { pid: child.pid, status, port };
  }
  const connection = (of: { readonly port: number }, initiated: string): Promise<Observation> =>
    probe.find(
      'network_connection',
      ({ fields }) => fields['DestinationPort'] === of.port && fields['Initiated'] === initiated,
    );

  test.each([
    ['connect', '127.0.0.1', 'tcp'],
    ['connect', '::1', 'tcp'],
    ['connect-datagram', '127.0.0.1', 'udp'],
    ['sendto', '127.0.0.1', 'udp'],
    ['sendto', '::1', 'udp'],
    ['sendmsg', '127.0.0.1', 'udp'],
    ['sendmsg', '::1', 'udp'],
    ['sendmmsg', '127.0.0.1', 'udp'],
    ['fast-open', '127.0.0.1', 'tcp'],
  ])('%s to %s', async (way, ip, protocol) => {
    const done = await run(way, ip);
    expect(done.status).toBe(0);
    const { pid, fields } = await connection(done, 'true');
    expect(pid).toBe(done.pid);
    expect(fields).toMatchObject({ Image: program, DestinationIp: ip, Protocol: protocol, User: 'root' });
  });

  test.each([
    ['uring-connect', '127.0.0.1'],
    ['uring-sendmsg', '127.0.0.1'],
  ])('%s to %s', async (way, ip) => {
    const done = await run(way, ip);
    if (done.status === NO_URING) throw new Error('io_uring is switched off here; the sensor cannot be proven');
    expect(done.status).toBe(0);
    const { pid, fields } = await connection(done, 'true');
    expect(pid).toBe(done.pid);
    expect(fields).toMatchObject({ Image: program, DestinationIp: ip, Through: 'io_uring' });
  });

  test.each([
    ['accept', '127.0.0.1'],
    ['accept4', '127.0.0.1'],
    ['accept', '::1'],
  ])('%s on %s, with its peer and direction', async (way, ip) => {
    const done = await run(way, ip);
    expect(done.status).toBe(0);
    const { pid, fields } = await connection(done, 'false');
    expect(pid).toBe(done.pid);
    expect(fields).toMatchObject({ Image: program, SourceIp: ip, DestinationIp: ip, Protocol: 'tcp' });
    expect(fields['SourcePort']).toBeGreaterThan(1_024);
  });

  test('a socket that begins to wait for connections', async () => {
    const done = await run('listen', '127.0.0.1');
    const find = () => probe.seen.find(({ fields }) => fields['LocalPort'] === done.port);
    await expect.poll(find, { timeout: 5_000 }).toBeDefined();
    expect(find()).toMatchObject({
      logsource: { product: 'linux', service: 'listening_socket' },
      pid: done.pid,
      fields: { EventType: 'socket_listening', LocalIp: '127.0.0.1', Image: program, Protocol: 'tcp' },
    });
  });

  test('in a network namespace of its own', async () => {
    port += 1;
    const script = `ip link set lo up && exec "$0" accept 127.0.0.1 ${port}`;
    const child = spawnSync('unshare', ['-n', '/bin/sh', '-c', script, program]);
    expect(child.status, String(child.stderr)).toBe(0);
    expect((await connection({ port }, 'true')).fields).toMatchObject({ Image: program });
    expect((await connection({ port }, 'false')).fields).toMatchObject({ SourceIp: '127.0.0.1' });
  });

  test('five hundred datagrams to one peer are two events', async () => {
    const done = await run('sendto-many', '127.0.0.1', '500');
    const all = () =>
      probe.seen.filter(
        ({ fields }) => fields['DestinationPort'] === done.port && fields['DestinationIp'] !== undefined,
      );
    await expect.poll(() => all().length, { timeout: 12_000 }).toBe(2);
    expect(all().map(({ fields }) => fields['Count'])).toEqual([undefined, 499]);
  });

  test('whoever sends thousands in a moment is passed over for a minute, and that is said', async () => {
    const child = spawn(program, ['sendto-many', '127.0.0.1', String(++port), '400000'], { stdio: 'ignore' });
    await expect
      .poll(() => probe.healthOf('linux-audit'), { timeout: 10_000 })
      .toMatchObject({ state: 'active', code: 'talkative_processes' });
    expect(probe.healthOf('linux-audit').detail).toContain(String(child.pid));
    if (child.exitCode === null) await once(child, 'exit');
    // Others are heard as before.
    const other = await run('sendto', '127.0.0.1');
    expect((await connection(other, 'true')).pid).toBe(other.pid);
  });

  test.skipIf(NO_CC)('32-bit programs through their one call for sockets', async ({ skip }) => {
    const binary = compile(probe.folder, 'abi32-network', ABI32, [
      '-m32',
      '-nostdlib',
      '-static',
      '-ffreestanding',
      '-fno-pic',
      '-no-pie',
      '-fno-stack-protector',
    ]);
    if (!binary) return skip('the compiler has no 32-bit mode');
    if (spawnSync(binary).status !== 0) return skip('the kernel runs no 32-bit programs');
    const { fields } = await connection({ port: 9_733 }, 'true');
    expect(fields).toMatchObject({ DestinationIp: '127.0.0.1', Image: binary });
  });
});

/** sendto to 127.0.0.1:9733 through socketcall, by the interrupt of the 32-bit ABI. */
const ABI32 = `
static long call(long n,long a,long b){long r;__asm__ volatile("int $0x80":"=a"(r):"0"(n),"b"(a),"c"(b):"memory");return r;}
void _start(void){
  unsigned char to[16]={2,0,0x26,0x05,127,0,0,1};
  long s[3]={2,2,0};
  long fd=call(102,1,(long)s);
  long args[6]={fd,(long)"x",1,0,(long)to,16};
  long sent=call(102,11,(long)args);
  call(1,sent==1?0:1,0);
}`;
