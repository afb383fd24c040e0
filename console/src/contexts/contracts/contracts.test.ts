import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Person, startTestConsole, type TestConsole } from '../../../../test/fakes/running-console.ts';
import { ROUTES } from '../../api/index.ts';

let console_: TestConsole;
let person: Person;
let customers = 0;

const jst = (text: string) => Date.parse(`${text}+09:00`);

beforeAll(async () => {
  console_ = await startTestConsole();
});
afterAll(() => console_[Symbol.asyncDispose]());
beforeEach(async () => {
  customers += 1;
  console_.clock.time = jst('2027-05-10T10:00:00');
  person = await console_.person(await console_.tenant(`customer ${customers}`), 'admin');
});

const month = async (query: Record<string, string> = {}) =>
  ROUTES.getSubscriptions.response.parse((await person.call('getSubscriptions', { query })).json);
const revoke = (endpointId: string) => person.call('revokeEndpoint', { params: { endpointId } });
const enrol = (hostname: string) => console_.enrol(person.actor.tenantId, hostname);

describe('seats', () => {
  test('each enrolled endpoint takes one from its enrolment on', async () => {
    for (const name of ['pc-1', 'pc-2', 'pc-3']) await enrol(name);
    expect(await month()).toMatchObject({ month: '2027-05', pricePerSeatYen: 2_000, totalYen: 6_000 });
    expect(await month({ month: '2027-04' })).toMatchObject({ totalYen: 0, seats: [] });
    expect(await month({ month: '2027-06' })).toMatchObject({ totalYen: 6_000 });
  });

  test("the month is Japan's: 15:00 UTC on the last day is the next month", async () => {
    console_.clock.time = Date.parse('2027-05-31T14:59:59Z');
    await enrol('before');
    console_.clock.time = Date.parse('2027-05-31T15:00:00Z');
    await enrol('after');
    // The session of three weeks ago has ended; the context is asked itself.
    const { contracts } = console_.domain;
    const { tenantId } = person.actor;
    expect(await contracts.month(tenantId, '2027-05')).toMatchObject({ totalYen: 2_000 });
    expect(await contracts.month(tenantId, undefined)).toMatchObject({ month: '2027-06', totalYen: 4_000 });
  });

  test('replacing a PC does not charge the month twice: revoked, then enrolled again', async () => {
    const old = await enrol('KEIRI-01');
    console_.clock.time += 6 * 3_600_000;
    await revoke(old.endpointId);
    await enrol('keiri-01');
    const { seats, totalYen } = await month();
    expect(totalYen).toBe(2_000);
    expect(seats.map((seat) => seat.amountYen)).toEqual([0, 2_000]);
  });

  test('nor does it the other way round: enrolled again, then revoked', async () => {
    const old = await enrol('keiri-01');
    await enrol('keiri-01');
    expect((await month()).totalYen).toBe(4_000);
    await revoke(old.endpointId);
    expect((await month()).totalYen).toBe(2_000);
    expect((await month({ month: '2027-06' })).totalYen).toBe(2_000);
  });

  test('a PC that people gave its own name is recognised by that name', async () => {
    const old = await enrol('desktop-a81');
    await person.call('renameEndpoint', { params: { endpointId: old.endpointId }, body: { displayName: '営業05' } });
    await revoke(old.endpointId);
    await enrol('営業０５');
    expect((await month()).totalYen).toBe(2_000);
  });

  test('ending a seat ends the protection, once, and the running month stays charged', async () => {
    const { endpointId } = await enrol('pc');
    const [seat] = (await month()).seats;
    const params = { seatId: seat?.seatId ?? '' };
    const ended = await person.call('endSeat', { params });
    expect(ended).toMatchObject({ status: 200, json: { endpointId, amountYen: 2_000, endedAt: console_.clock.now() } });
    expect(await console_.domain.fleet.detail(person.actor.tenantId, endpointId)).toMatchObject({ state: 'revoked' });
    expect(await person.call('endSeat', { params })).toMatchObject({ status: 409, code: 'already_ended' });
    expect((await month({ month: '2027-06' })).totalYen).toBe(0);
    const audit = await console_.domain.audit.page(person.actor.tenantId, {});
    const actions = audit.ok ? audit.value.items.map((entry) => entry.action) : [];
    expect(actions).toEqual(expect.arrayContaining(['seat.end', 'endpoint.revoke']));
  });
});
