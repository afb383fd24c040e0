import { readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { type Health, LIMITS, type OrderAction, type RulePackHealth } from '@yagura/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { linuxRule, packFrom, packOf } from '../../../../test/fakes/rule-pack.ts';
import {
  type Answer,
  type Person,
  startTestConsole,
  type TestConsole,
} from '../../../../test/fakes/running-console.ts';
import { ROUTES } from '../../api/index.ts';
import type { BusMessage } from '../../platform/bus.ts';
import type { Origin } from '../fleet/api.ts';

let console_: TestConsole;
let person: Person;
let origin: Origin;
let customers = 0;
const PACK = packOf('SigmaHQ', '2026-11', linuxRule('one'), linuxRule('two'));

beforeAll(async () => {
  console_ = await startTestConsole();
});
afterAll(() => console_[Symbol.asyncDispose]());
beforeEach(async () => {
  customers += 1;
  person = await console_.person(await console_.tenant(`customer ${customers}`), 'admin');
  origin = await console_.enrol(person.actor.tenantId, 'pc');
});

function upload(bytes: Buffer, headers: Record<string, string> = {}, by = person): Promise<Answer> {
  return console_.request('/api/rule-packs', {
    method: 'POST',
    body: new Uint8Array(bytes),
    headers: {
      origin: console_.running.publicUrl,
      cookie: by.cookie,
      'content-type': 'application/octet-stream',
      ...headers,
    },
  });
}

const list = async (by = person) => ROUTES.listRulePacks.response.parse((await by.call('listRulePacks')).json);
const remove = (sha256: string) => person.call('removeRulePack', { params: { sha256 } });
const folder = () => join(dirname(console_.databasePath), 'packs');
const filesOf = (tenantId: string) => readdirSync(folder()).filter((name) => name.startsWith(tenantId));

async function report(rulePack: RulePackHealth): Promise<void> {
  const health: Health = {
    time: 1,
    agentVersion: '0.1.0',
    policy: 'balanced',
    sensors: [],
    rules: { loaded: 42, rejected: 0 },
    spool: { alerts: 0, telemetry: 0, bytes: 0, shed: 0 },
    suppressed: 0,
    exclusionsVersion: 0,
    rulePack,
  };
  await console_.domain.store.write((tx) => console_.domain.fleet.applyHealth(tx, origin, health, 1));
}

describe('an uploaded pack', () => {
  test('is listed with what it says of itself, once, and written down', async () => {
    const news: BusMessage[] = [];
    const stop = console_.domain.bus.subscribe((message) => news.push(message));
    expect(await upload(PACK.bytes)).toMatchObject({ status: 200, json: PACK.reference });
    expect(await upload(PACK.bytes)).toMatchObject({ status: 200, json: PACK.reference });
    stop();
    expect(news.filter((message) => message.type === 'changed' && message.topic === 'rule-packs')).toHaveLength(1);
    const { items } = await list();
    expect(items).toMatchObject([
      {
        ...PACK.reference,
        uploadedBy: 'admin',
        header: {
          documents: 2,
          systems: [{ system: 'linux', rules: 2, canFire: 2 }],
          levels: { high: 2, critical: 0 },
          withAuthor: 2,
        },
      },
    ]);
    const audit = await console_.domain.audit.page(origin.tenantId, { search: 'rule-pack.add' });
    expect(audit.ok && audit.value.items).toMatchObject([{ actor: 'admin', target: PACK.reference.sha256 }]);
  });

  test('belongs to its tenant alone, also when two have the same', async () => {
    await upload(PACK.bytes);
    const other = await console_.person(await console_.tenant(`other ${customers}`), 'admin');
    expect((await list(other)).items).toEqual([]);
    await upload(PACK.bytes, {}, other);
    const { rulePacks } = console_.domain;
    expect(await remove(PACK.reference.sha256)).toMatchObject({ status: 204 });
    expect(await rulePacks.open(person.actor.tenantId, PACK.reference.sha256)).toBeUndefined();
    expect(await rulePacks.open(other.actor.tenantId, PACK.reference.sha256)).toMatchObject({
      size: PACK.bytes.length,
    });
  });

  test.each([
    ['no pack', Buffer.from('MZ\u0000\n'), {}, 422, 'pack_invalid'],
    ['a first line without end', Buffer.alloc(LIMITS.rulePackHeaderBytes + 100, 0x20), {}, 422, 'pack_invalid'],
    [
      'a pack of a newer layout',
      Buffer.from(PACK.bytes.toString().replace('"layout":2', '"layout":3')),
      {},
      422,
      'pack_version_unknown',
    ],
    [
      'a header with an unknown key',
      Buffer.from(PACK.bytes.toString().replace('"layout":2', '"layout":2,"trusted":true')),
      {},
      422,
      'pack_invalid',
    ],
    [
      'a name with control characters',
      Buffer.from(PACK.bytes.toString().replace('SigmaHQ', '\\u202e')),
      {},
      422,
      'pack_invalid',
    ],
    [
      'a catalogue that is none',
      Buffer.from(
        PACK.bytes
          .toString()
          .replace('"system":"linux"', '"system":"amiga"')
          .replace('"system":"linux"', '"system":"amiga"'),
      ),
      {},
      422,
      'pack_invalid',
    ],
    ['nothing behind the header', PACK.bytes.subarray(0, PACK.bytes.indexOf(0x0a) + 1), {}, 422, 'pack_invalid'],
    ['another type', PACK.bytes, { 'content-type': 'text/plain' }, 400, 'bad_request'],
    ['another page', PACK.bytes, { origin: 'https://evil.example' }, 403, 'origin_refused'],
  ])('%s is refused and leaves nothing', async (_name, bytes, headers, status, code) => {
    expect(await upload(bytes, headers)).toMatchObject({ status, code });
    expect((await list()).items).toEqual([]);
    expect(readdirSync(folder()).filter((name) => name.endsWith('.part') || name.startsWith(origin.tenantId))).toEqual(
      [],
    );
  });

  test('that is too large is refused before it is read, and one that is cut off leaves nothing', async () => {
    const head = (length: number) =>
      [
        'POST /api/rule-packs HTTP/1.1',
        'host: console',
        `origin: ${console_.running.publicUrl}`,
        `cookie: ${person.cookie}`,
        'content-type: application/octet-stream',
        `content-length: ${length}`,
        '',
        '',
      ].join('\r\n');
    const send = (text: string, hangUp: boolean) =>
      new Promise<string>((resolve) => {
        const socket = connect(console_.running.httpPort, '127.0.0.1', () => {
          socket.write(text, () => hangUp && setTimeout(() => socket.destroy(), 100));
        });
        let answer = '';
        socket.on('data', (chunk) => {
          answer += String(chunk);
        });
        socket.on('close', () => resolve(answer));
        socket.on('error', () => undefined);
      });
    expect(await send(head(LIMITS.rulePackBytes + 1), false)).toContain(' 413 ');
    await send(head(PACK.bytes.length) + PACK.bytes.subarray(0, -5).toString(), true);
    await expect.poll(() => readdirSync(folder()).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect((await list()).items).toEqual([]);
  });

  test('counts against a bound', async () => {
    const add = (index: number) =>
      console_.domain.rulePacks.add(person.actor, Readable.from([packOf('many', `${index}`, linuxRule('x')).bytes]));
    for (let index = 0; index < 32; index += 1) expect(await add(index)).toMatchObject({ ok: true });
    expect(await add(32)).toMatchObject({ ok: false, code: 'rule_pack_limit' });
    expect(filesOf(origin.tenantId)).toHaveLength(32);
  });

  test('whose file was changed in size is not handed out', async () => {
    await upload(PACK.bytes);
    const [file = ''] = filesOf(origin.tenantId);
    writeFileSync(join(folder(), file), 'x');
    expect(await console_.domain.rulePacks.open(origin.tenantId, PACK.reference.sha256)).toBeUndefined();
  });
});

describe('orders and endpoints', () => {
  const place = async (action: OrderAction) =>
    person.call('placeOrders', { body: { approvals: [await person.approve(origin.endpointId, action)] } });

  test('an order names a pack that the console has, exactly', async () => {
    await upload(PACK.bytes);
    const action: OrderAction = { kind: 'set-rule-pack', ...PACK.reference };
    const strange = packFrom('{}\n{}').reference;
    for (const wrong of [strange, { ...PACK.reference, version: 'newer' }, { ...PACK.reference, size: 1 }]) {
      expect(await place({ ...action, ...wrong })).toMatchObject({ status: 409, code: 'rule_pack_unknown' });
    }
    expect(await place(action)).toMatchObject({ status: 200 });
    const audit = await console_.domain.audit.page(origin.tenantId, { search: 'order.set-rule-pack' });
    expect(audit.ok && audit.value.items[0]?.detail).toContain(PACK.reference.sha256);
  });

  test('what endpoints report stands beside the packs', async () => {
    await upload(PACK.bytes);
    expect((await list()).endpoints).toEqual([
      { endpointId: origin.endpointId, endpointName: 'pc', platform: 'linux' },
    ]);
    const news: BusMessage[] = [];
    const stop = console_.domain.bus.subscribe((message) => news.push(message));
    await report({});
    await report({ active: PACK.reference });
    await report({ active: PACK.reference });
    stop();
    // The second is news, the third is not.
    expect(news.filter((message) => message.type === 'changed')).toHaveLength(2);
    expect((await list()).endpoints).toMatchObject([{ rules: 42, rulePack: { active: PACK.reference } }]);
  });

  test('a pack that is used or on its way stays', async () => {
    await upload(PACK.bytes);
    const { sha256 } = PACK.reference;
    await place({ kind: 'set-rule-pack', ...PACK.reference });
    expect(await remove(sha256)).toMatchObject({ status: 409, code: 'rule_pack_in_use' });
    console_.clock.time += 31 * 86_400_000;
    person = await console_.person(person.actor.tenantId, 'admin');
    await report({ active: PACK.reference });
    expect(await remove(sha256)).toMatchObject({ status: 409, code: 'rule_pack_in_use' });
    await report({});
    expect(await remove(sha256)).toMatchObject({ status: 204 });
    expect(await remove(sha256)).toMatchObject({ status: 404 });
    await expect.poll(() => filesOf(origin.tenantId)).toEqual([]);
  });
});
