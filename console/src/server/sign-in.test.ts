import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestConsole, type TestConsole } from '../../../test/fakes/running-console.ts';
import type { Actor } from '../contexts/identity/api.ts';
import {
  ABSOLUTE_LIFETIME_MS,
  IDLE_LIFETIME_MS,
  LINK_LIFETIME_MS,
} from '../contexts/identity/domain/session-lifetime.ts';
import { hashSecret } from '../platform/random.ts';

let console_: TestConsole;
let admin: Actor;

beforeAll(async () => {
  console_ = await startTestConsole();
  const tenantId = await console_.tenant('t');
  admin = await console_.domain.store.write((tx) =>
    console_.domain.identity.ensureUser(tx, { tenantId, name: 'admin', role: 'admin' }),
  );
});
afterAll(() => console_[Symbol.asyncDispose]());

/** A minute passes between attempts, so that the limit on sign-ins is not what is tested. */
function signIn(secret: string, cookie?: string) {
  console_.clock.time += 60_000;
  return console_.call('signIn', { body: { secret }, ...(cookie === undefined ? {} : { headers: { cookie } }) });
}

const cookieOf = (answer: { headers: Headers }) => answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';

describe('a sign-in link', () => {
  test('signs in once, with a cookie that scripts and other sites cannot use', async () => {
    const { secret } = await console_.link(admin);
    const first = await signIn(secret);
    expect(first).toMatchObject({ status: 200, json: { user: { name: 'admin', role: 'admin' } } });
    const [cookie = ''] = first.headers.getSetCookie();
    expect(cookie).toMatch(/^yagura=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    expect(await console_.call('session', { headers: { cookie: cookieOf(first) } })).toMatchObject({ status: 200 });
    expect(await signIn(secret)).toMatchObject({ status: 401, code: 'link_used' });
  });

  test('works for fifteen minutes', async () => {
    const early = await console_.link(admin);
    const late = await console_.link(admin);
    console_.clock.time += LINK_LIFETIME_MS - 60_001;
    expect(await signIn(early.secret)).toMatchObject({ status: 200 });
    console_.clock.time += 1;
    expect(await signIn(late.secret)).toMatchObject({ status: 401, code: 'link_expired' });
  });

  test('used by two at the same time signs one of them in', async () => {
    const { secret } = await console_.link(admin);
    console_.clock.time += 60_000;
    const answers = await Promise.all(Array.from({ length: 8 }, () => console_.call('signIn', { body: { secret } })));
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 7 }, () => 401),
    ]);
  });

  test('is unknown when it was never made', async () => {
    expect(await signIn('x'.repeat(43))).toMatchObject({ status: 401, code: 'link_unknown' });
  });

  test('leaves nothing in the database that signs in', async () => {
    const { secret } = await console_.link(admin);
    const cookie = cookieOf(await signIn(secret));
    const { read } = console_.domain.store;
    const stored = JSON.stringify([
      await read.selectFrom('sign_in_links').selectAll().execute(),
      await read.selectFrom('sessions').selectAll().execute(),
      await read.selectFrom('audit_log').selectAll().execute(),
    ]);
    expect(stored).toContain(hashSecret(secret));
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain(cookie.split('=')[1]);
  });
});

describe('a session', () => {
  const session = (cookie: string) => console_.call('session', { headers: { cookie } });

  test('is a new one at each sign-in, and the one that the browser brought ends', async () => {
    const first = cookieOf(await signIn((await console_.link(admin)).secret));
    const second = cookieOf(await signIn((await console_.link(admin)).secret, first));
    expect(second).not.toBe(first);
    expect(await session(first)).toMatchObject({ status: 401 });
    expect(await session(second)).toMatchObject({ status: 200 });
  });

  test('ends when it is not used', async () => {
    const cookie = cookieOf(await signIn((await console_.link(admin)).secret));
    console_.clock.time += IDLE_LIFETIME_MS - 1;
    expect(await session(cookie)).toMatchObject({ status: 200 });
    console_.clock.time += IDLE_LIFETIME_MS - 1;
    expect(await session(cookie)).toMatchObject({ status: 200 });
    console_.clock.time += IDLE_LIFETIME_MS;
    expect(await session(cookie)).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  test('ends after a week, however busy', async () => {
    const cookie = cookieOf(await signIn((await console_.link(admin)).secret));
    const step = 6 * 3_600_000;
    for (let passed = step; passed < ABSOLUTE_LIFETIME_MS; passed += step) {
      console_.clock.time += step;
      expect(await session(cookie)).toMatchObject({ status: 200 });
    }
    console_.clock.time += step;
    expect(await session(cookie)).toMatchObject({ status: 401 });
  });

  test('ends at once when its person signs out', async () => {
    const cookie = cookieOf(await signIn((await console_.link(admin)).secret));
    const out = await console_.call('signOut', { headers: { cookie } });
    expect(out.status).toBe(204);
    expect(out.headers.getSetCookie()[0]).toMatch(/^yagura=; .*Max-Age=0$/);
    expect(await session(cookie)).toMatchObject({ status: 401 });
  });

  test('is one of twenty at most for each person: the oldest ends', async () => {
    const cookies: string[] = [];
    for (let index = 0; index < 21; index += 1) {
      cookies.push(cookieOf(await signIn((await console_.link(admin)).secret)));
    }
    expect(await session(cookies[0] ?? '')).toMatchObject({ status: 401 });
    expect(await session(cookies[1] ?? '')).toMatchObject({ status: 200 });
    expect(await session(cookies[20] ?? '')).toMatchObject({ status: 200 });
  });
});

test('guessing is slowed down by address', async () => {
  console_.clock.time += 600_000;
  const answers = await Promise.all(
    Array.from({ length: 15 }, () => console_.call('signIn', { body: { secret: 'y'.repeat(43) } })),
  );
  const codes = answers.map((answer) => answer.code);
  expect(codes.filter((code) => code === 'link_unknown')).toHaveLength(10);
  expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(5);
  console_.clock.time += 60_000;
  expect(await console_.call('signIn', { body: { secret: 'y'.repeat(43) } })).toMatchObject({ code: 'link_unknown' });
});
