import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CaptureProbe, NO_KERNEL, startCapture } from '../../../../../test/support/capture-probe.ts';
import { listWaitingSockets } from './socket-diag.ts';

const SERVER = '127.77.0.53';

describe.skipIf(NO_KERNEL)(`DNS and listening sockets${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let probe: CaptureProbe;
  const server = createSocket('udp4');

  beforeAll(async () => {
    server.bind(53, SERVER);
    await once(server, 'listening');
    probe = await startCapture({ sources: ['linux-audit', 'linux-processes', 'linux-network'] });
  });
  afterAll(async () => {
    server.close();
    await probe[Symbol.asyncDispose]();
  });

  test('a query has its name, its type and the process that asked', async () => {
    expect(probe.healthOf('linux-network')).toMatchObject({ state: 'active' });
    // It waits for its answer for as long as we need to ask for its socket, however busy the machine is.
    const script = `const r=new (require('dns').Resolver)({timeout:60000,tries:1});r.setServers(['${SERVER}']);
      r.resolve6('name.of-the-test.example',()=>{})`;
    const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    const { fields, pid } = await probe
      .find('dns_query', (seen) => seen.fields['QueryName'] === 'name.of-the-test.example')
      .finally(() => child.kill('SIGKILL'));
    await ended;
    expect(pid).toBe(child.pid);
    expect(fields).toMatchObject({
      QueryType: 'AAAA',
      DestinationIp: SERVER,
      Image: process.execPath,
      ProcessFoundBy: 'port',
    });
  });

  test('a process that is gone at once is found by the time, when it was the only one', async () => {
    const message = Buffer.from('00010100000100000000000005676f6e652d037473740000010001', 'hex');
    const script = `const s=require('dgram').createSocket('udp4');
      s.send(Buffer.from('${message.toString('hex').replace('676f6e652d', '676f6e6565')}','hex'),53,'${SERVER}',()=>process.exit())`;
    const child = spawnSync(process.execPath, ['-e', script]);
    const { pid, fields } = await probe.find('dns_query', (seen) => seen.fields['QueryName'] === 'gonee.tst');
    expect(pid).toBe(child.pid);
    expect(['port', 'time']).toContain(fields['ProcessFoundBy']);
  });

  test('answers and other datagrams are no queries', async () => {
    const before = probe.seen.length;
    const client = createSocket('udp4');
    client.send(Buffer.from('not a query'), 53, SERVER);
    client.send(Buffer.from('00018180000100010000000001610000010001', 'hex'), 53, SERVER);
    await new Promise((resolve) => setTimeout(resolve, 500));
    client.close();
    expect(
      probe.seen.slice(before).filter(({ fields }) => fields['DestinationIp'] === SERVER && fields['QueryName']),
    ).toEqual([]);
  });

  test('the kernel lists what waits, for both protocols and families', () => {
    const sockets = listWaitingSockets();
    expect(sockets).toContainEqual(expect.objectContaining({ protocol: 'udp', ip: SERVER, port: 53 }));
  });

  test('a datagram service that begins and ends is a difference, with its process', async () => {
    const script = `require('dgram').createSocket('udp4').bind(1969,'127.0.0.1');process.stdin.resume().on('end',()=>process.exit())`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'ignore', 'ignore'] });
    const find = (kind: string) =>
      probe.seen.find(({ fields }) => fields['LocalPort'] === 1_969 && fields['EventType'] === kind);
    await expect.poll(() => find('socket_listening'), { timeout: 60_000, interval: 250 }).toBeDefined();
    expect(find('socket_listening')).toMatchObject({
      logsource: { product: 'linux', service: 'listening_socket' },
      pid: child.pid,
      fields: { LocalIp: '127.0.0.1', Protocol: 'udp', Image: process.execPath },
    });
    child.stdin.end();
    await once(child, 'exit');
    await expect.poll(() => find('socket_closed'), { timeout: 60_000, interval: 250 }).toBeDefined();
  }, 150_000);
});
