import { connect } from 'node:net';
import { ErrorBody } from '@yagura/protocol';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aStory } from '../../../../test/fakes/items.ts';
import { type Person, startTestConsole, type TestConsole } from '../../../../test/fakes/running-console.ts';
import { ROUTES } from '../../api/routes.ts';

let console_: TestConsole;
let admin: Person;

beforeAll(async () => {
  console_ = await startTestConsole();
  admin = await console_.person(await console_.tenant('t'), 'admin');
});
afterAll(() => console_[Symbol.asyncDispose]());

describe('every answer', () => {
  test.each(['/', '/api/session', '/api/nothing', '/assets/none.js', '/incidents/x'])(
    'of %s forbids what pages need not do',
    async (path) => {
      const { headers } = await console_.request(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toMatch(/script-src 'self'(;|$)/);
      expect(policy).not.toMatch(/script-src[^;]*unsafe/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-powered-by')).toBeNull();
      if (path.startsWith('/api')) expect(headers.get('cache-control')).toBe('no-store');
    },
  );
});

describe('a bad request', () => {
  const post = (body: string, headers: Record<string, string> = {}) =>
    admin.call('createToken', { body, headers: { 'content-type': 'application/json', ...headers } });

  test.each([
    ['no JSON', '{"label":'],
    ['no object', '"text"'],
    ['another type', '{"label":1,"validHours":1}'],
    ['an unknown key', '{"label":"","validHours":1,"admin":true}'],
    ['__proto__', '{"label":"","validHours":1,"__proto__":{"role":"admin"}}'],
    ['constructor', '{"label":"","validHours":1,"constructor":{"prototype":{}}}'],
    ['a number out of range', '{"label":"","validHours":100000}'],
    ['a text that is too long', JSON.stringify({ label: 'x'.repeat(65), validHours: 1 })],
    ['nothing', ''],
  ])('with %s is refused in the one shape of errors', async (_name, body) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 400, code: 'bad_request' });
    expect(ErrorBody.safeParse(answer.json).success).toBe(true);
  });

  test('with a large body is refused before it is read whole', async () => {
    expect(await post(`{"label":"${'x'.repeat(64 * 1_024)}"}`)).toMatchObject({ status: 413, code: 'body_too_large' });
  });

  test('with a body of another type is refused', async () => {
    expect(await post('label=x', { 'content-type': 'application/x-www-form-urlencoded' })).toMatchObject({
      status: 400,
    });
  });

  test.each(['%00', '..%2f..%2fetc', 'a'.repeat(200), '%ff', "x'%20OR%201=1--"])(
    'with the id %s is no more than that',
    async (id) => {
      const answer = await console_.request(`/api/endpoints/${id}`, { headers: { cookie: admin.cookie } });
      expect([400, 404]).toContain(answer.status);
      expect(ErrorBody.safeParse(answer.json).success).toBe(true);
    },
  );

  test.each([
    'sort=nothing',
    'sort=__proto__',
    'cursor=nonsense',
    'limit=0',
    'limit=1e9',
    'state=gone',
    'x=1',
    'search=a&search=b',
  ])('with the query %s is refused', async (query) => {
    const answer = await console_.request(`/api/endpoints?${query}`, { headers: { cookie: admin.cookie } });
    expect(answer).toMatchObject({ status: 400, code: 'bad_request' });
  });

  test('for an operation that does not exist is not_found, as an error body', async () => {
    expect(await console_.request('/api/none')).toMatchObject({ status: 404, code: 'not_found' });
    expect(await console_.request('/api/session', { method: 'PUT' })).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('shows no inside of the console when something breaks', async () => {
    const broken = await admin.call('getSubscriptions', { query: { month: '0000-01' } });
    expect(broken.text).not.toMatch(/\.ts|node_modules|at /);
  });
});

test('what is no HTTP ends its own connection and nothing else', async () => {
  const port = console_.running.httpPort;
  for (const bytes of ['\0\0\0\0', 'GET / HTTP/1.1\r\n'.padEnd(40_000, 'x: y\r\n'), '\x16\x03\x01\x02\x00\x01']) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
      socket.resume();
    });
  }
  expect(await admin.call('session')).toMatchObject({ status: 200 });
});

test('a full disk is said as such, reading goes on, and writing does when there is room', async () => {
  const { store } = console_.domain;
  const limit = (pages: number) =>
    store.write(({ db }) => sql`PRAGMA max_page_count = ${sql.lit(pages)}`.execute(db).then(() => undefined));
  const { rows } = await sql<{ page_count: number }>`PRAGMA page_count`.execute(store.read);
  await limit(rows[0]?.page_count ?? 1);
  const label = 'x'.repeat(64);
  let code: string | undefined;
  for (let attempt = 0; attempt < 200 && code === undefined; attempt += 1) {
    const answer = await admin.call('createToken', { body: { label, validHours: 1 } });
    if (answer.status !== 200) {
      expect(answer).toMatchObject({ status: 507, code: 'database_full' });
      ({ code } = answer);
    }
  }
  expect(code).toBe('database_full');
  expect(await admin.call('listTokens')).toMatchObject({ status: 200 });
  await limit(1_000_000);
  expect(await admin.call('createToken', { body: { label, validHours: 1 } })).toMatchObject({ status: 200 });
  expect((await console_.domain.audit.verify()).findings).toEqual([]);
});

describe("agents' strings", () => {
  const HOSTILE = [
    '<img src=x onerror=alert(1)>',
    '=HYPERLINK("http://evil.example","x")',
    '\u202Egnp.exe',
    'line\nbreak\r\n{"level":60}',
    "'; DROP TABLE endpoints; --",
    '%_\\',
    '${7*7}{{7*7}}',
    'a\u0000b',
    '😀'.repeat(60),
  ];

  test.each(HOSTILE)('%j comes back as the data that it is', async (text) => {
    const origin = await console_.enrol(admin.actor.tenantId, text);
    const story = aStory(`story-${origin.endpointId}`, 1);
    const [first] = story.detections;
    if (!first) throw new Error('no detection');
    const hostile = { ...story, detections: [{ ...first, rule: { ...first.rule, title: text } }] };
    await console_.domain.store.write((tx) =>
      console_.domain.alerts.applyStory(tx, origin, hostile, { receivedAt: 1, clockOffsetMs: 0 }),
    );
    const detail = await admin.call('getEndpoint', { params: { endpointId: origin.endpointId } });
    expect(detail.json).toMatchObject({ hostname: text });
    expect(ROUTES.getEndpoint.response.safeParse(detail.json).success).toBe(true);
    expect(detail.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const incidents = await admin.call('listIncidents', { query: { endpointId: origin.endpointId } });
    expect(incidents.json).toMatchObject({ items: [{ title: { en: text }, endpointName: text }] });
    const found = await admin.call('listEndpoints', { query: { search: text, limit: '1000' } });
    const { items } = ROUTES.listEndpoints.response.parse(found.json);
    expect(items.map((item) => item.endpointId)).toContain(origin.endpointId);
  });

  test('a search for wildcards finds only what contains them', async () => {
    const tenantId = await console_.tenant('wildcards');
    const person = await console_.person(tenantId, 'p');
    await console_.enrol(tenantId, 'plain');
    await console_.enrol(tenantId, 'with%percent');
    const { json } = await person.call('listEndpoints', { query: { search: '%' } });
    const { items } = ROUTES.listEndpoints.response.parse(json);
    expect(items.map((item) => item.hostname)).toEqual(['with%percent']);
  });
});

describe('/api/openapi.json', () => {
  test('describes exactly the operations that are there, with resolvable schemas', async () => {
    const { json } = await console_.request('/api/openapi.json');
    const document = json as { openapi: string; paths: Record<string, Record<string, { operationId: string }>> };
    expect(document.openapi).toBe('3.1.0');
    const operations = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map((one) => one.operationId),
    );
    expect(operations.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
    const text = JSON.stringify(document);
    const pointers = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, pointer]) => pointer);
    expect(new Set(pointers)).toEqual(new Set(['#/components/schemas/Error']));
    expect(document.paths['/api/endpoints/{endpointId}']?.['get']).toMatchObject({
      parameters: [{ name: 'endpointId', in: 'path', required: true }],
    });
  });
});
