import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mountWeb } from './static-web.ts';

let directory: string;
let server: Server;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'yagura-web-'));
  writeFileSync(join(directory, 'secret.txt'), 'outside');
  const web = join(directory, 'web');
  mkdirSync(join(web, 'assets'), { recursive: true });
  writeFileSync(join(web, 'index.html'), '<title>page</title>');
  writeFileSync(join(web, 'favicon.svg'), '<svg/>');
  writeFileSync(join(web, '.hidden'), 'hidden');
  writeFileSync(join(web, 'assets', 'app-1a2b.js'), 'export {};');
  const app = express();
  mountWeb(app, web);
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  await once(server, 'close');
  rmSync(directory, { recursive: true, force: true });
});

/** Sends the path as it is; `fetch` would tidy it. */
function ask(path: string): Promise<{ status: number | undefined; cache: string | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    get({ port: (server.address() as AddressInfo).port, path, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode, cache: response.headers['cache-control'], text }),
      );
    }).on('error', reject);
  });
}

test('assets are kept for ever, the page that names them is not', async () => {
  expect(await ask('/assets/app-1a2b.js')).toMatchObject({ status: 200, cache: 'public, max-age=31536000, immutable' });
  expect(await ask('/favicon.svg')).toMatchObject({ status: 200, cache: 'public, max-age=0' });
  for (const path of ['/', '/sign-in', '/incidents/inc_1', '/apiary']) {
    expect(await ask(path), path).toMatchObject({ status: 200, cache: 'no-cache', text: '<title>page</title>' });
  }
});

test('what is missing among the assets or the operations is not the page', async () => {
  for (const path of ['/assets/app-old.js', '/api', '/api/none']) {
    expect(await ask(path), path).toMatchObject({ status: 404 });
  }
});

test.each([
  '/../secret.txt',
  '/..%2fsecret.txt',
  '/%2e%2e/secret.txt',
  '/assets/..%2f..%2fsecret.txt',
  '/.hidden',
  '/assets/../../secret.txt',
])('nothing outside is served: %s', async (path) => {
  expect((await ask(path)).text).not.toMatch(/outside|hidden/);
});
