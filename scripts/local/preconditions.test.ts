import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { explainFailure, requireFreePort } from './preconditions.ts';

const WEB = ['127.0.0.1', '::1'];
const GATEWAY = ['0.0.0.0', '::'];

describe('a port', () => {
  test.each([
    ['127.0.0.1', WEB],
    ['::1', WEB],
    ['0.0.0.0', WEB],
    ['::', WEB],
    ['127.0.0.2', GATEWAY],
    ['::1', GATEWAY],
  ])('that somebody holds on %s is in use', async (host, asked) => {
    const server = createServer();
    server.listen({ host, port: 0, ipv6Only: true });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(requireFreePort(port, '--port', asked)).rejects.toMatchObject({ code: 'port_in_use' });
    server.close();
    await once(server, 'close');
    await expect(requireFreePort(port, '--port', asked)).resolves.toBeUndefined();
  });
});

describe('why a process did not start', () => {
  test('names the damaged file below the data folder, on one line', () => {
    const failure = {
      code: 'database_damaged',
      message: 'the database file is damaged: *** in database main ***\nTree 8',
    };
    const { code, words } = explainFailure('console', failure, '/srv/data/logs/console.log');
    expect(code).toBe('database_damaged');
    for (const text of [words.ja, words.en]) {
      expect(text).toContain('/srv/data/console/console.sqlite');
      expect(text).not.toContain('\n');
    }
  });

  test('is its own last word otherwise', () => {
    const failure = { code: 'state_in_use', message: 'somebody has it' };
    expect(explainFailure('signer', failure, '/l')).toMatchObject({ code: 'state_in_use' });
    expect(explainFailure('signer', undefined, '/l')).toMatchObject({ code: 'process_failed' });
  });
});
