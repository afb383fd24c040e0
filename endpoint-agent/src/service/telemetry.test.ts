import type { Event, ItemBody } from '@yagura/protocol';
import { expect, test } from 'vitest';
import type { Spool } from '../spool/spool.ts';
import { createTelemetry } from './telemetry.ts';

const STARTS: Event['logsource'] = { product: 'linux', category: 'process_creation' };
const TAMPERING: Event['logsource'] = { product: 'linux', service: 'sensor_tamper' };

function telemetry() {
  const sent: Event[] = [];
  let now = 0;
  const spool: Pick<Spool, 'append'> = {
    append: (bodies: readonly ItemBody[]) => {
      for (const body of bodies) if (body.type === 'event') sent.push(body.event);
      return [];
    },
  };
  const made = createTelemetry(spool, () => now);
  const add = (user: string | undefined, times: number, logsource: Event['logsource'] = STARTS) => {
    const fields = { EventType: 'x', ...(user === undefined ? {} : { User: user }) };
    for (let time = 0; time < times; time += 1) made.add({ eventId: 'e', logsource, time: 1, fields });
  };
  const counts = () => {
    made.flush();
    const byUser = Map.groupBy(sent.splice(0), ({ fields }) => String(fields['User']));
    return Object.fromEntries([...byUser].map(([user, events]) => [user, events.length]));
  };
  return { made, add, counts, pass: (ms: number) => (now += ms) };
}

test('a flood of one user is cut off, and leaves room for the others', () => {
  const { made, add, counts, pass } = telemetry();
  add('flood', 10_000);
  add('alice', 100);
  add('bob', 100);
  expect([counts(), made.shed]).toEqual([{ flood: 500, alice: 100, bob: 100 }, 9_500]);
  pass(1_000);
  add('flood', 10_000);
  expect(counts()).toEqual({ flood: 500 });
});

test('what nobody is named for shares as one, and what was done to the agent is always sent', () => {
  const { add, counts } = telemetry();
  add(undefined, 10_000);
  expect(counts()).toEqual({ undefined: 500 });
  add('root', 1_000);
  expect(counts()).toEqual({ root: 250 });
  const { add: addTamper, counts: tampers } = telemetry();
  addTamper('root', 600);
  addTamper('root', 7, TAMPERING);
  expect(tampers()).toEqual({ root: 507 });
});
