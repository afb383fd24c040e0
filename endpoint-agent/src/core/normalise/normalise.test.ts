import { Event, LIMITS } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import type { ProcessFacts } from '../process/process-lookup.ts';
import { createNormaliser, type RawObservation } from './normalise.ts';

const shell: ProcessFacts = {
  entityId: 'e-shell',
  pid: 100,
  image: '/usr/bin/bash',
  commandLine: 'bash deploy.sh',
  user: 'root',
};
const child: ProcessFacts = {
  entityId: 'e-child',
  pid: 101,
  parentEntityId: 'e-shell',
  parentPid: 100,
  image: '/usr/bin/id',
};

function normaliser(records: readonly ProcessFacts[] = [shell, child]) {
  let count = 0;
  return createNormaliser({
    newId: () => `ev-${(count += 1)}`,
    processes: {
      byPid: (pid) => records.find((record) => record.pid === pid),
      get: (entityId) => records.find((record) => record.entityId === entityId),
    },
  });
}

function observation(fields: Record<string, unknown>, more: Partial<RawObservation> = {}): RawObservation {
  return { logsource: { product: 'linux', category: 'process_creation' }, time: 1_700_000_000_000, fields, ...more };
}

function event(input: RawObservation, actor?: ProcessFacts): Event {
  const result = normaliser().normalise(input, actor);
  if (!result.ok) throw new Error(result.code);
  return Event.parse(result.event);
}

describe('createNormaliser', () => {
  test('completes a process start from the process table and lets the sensor win', () => {
    const { fields, entityId, parentEntityId } = event(
      observation({ Image: '/usr/bin/whoami', CommandLine: 'whoami' }, { pid: 101, parentPid: 100 }),
      child,
    );
    expect({ entityId, parentEntityId }).toEqual({ entityId: 'e-child', parentEntityId: 'e-shell' });
    expect(fields).toEqual({
      Image: '/usr/bin/whoami',
      CommandLine: 'whoami',
      ProcessId: 101,
      ParentProcessId: 100,
      ParentImage: '/usr/bin/bash',
      ParentCommandLine: 'bash deploy.sh',
      ParentUser: 'root',
    });
  });

  test('names the writer of a file and adds no command line to it', () => {
    const input = observation(
      { TargetFilename: '/etc/cron.d/x' },
      { logsource: { product: 'linux', category: 'file_event' }, pid: 100 },
    );
    expect(event(input)).toMatchObject({ entityId: 'e-shell', fields: { Image: '/usr/bin/bash', User: 'root' } });
    expect(event(input).fields).not.toHaveProperty('CommandLine');
  });

  test('an unknown process leaves its ids away', () => {
    const made = event(observation({ Image: '/x' }, { pid: 7, parentPid: 8 }));
    expect(made).not.toHaveProperty('entityId');
    expect(made.fields).toEqual({ Image: '/x', ProcessId: 7, ParentProcessId: 8 });
  });

  test('an entity id that the protocol does not know stays away', () => {
    const made = event(observation({}, { pid: 100 }), { entityId: 'a b', pid: 100, parentEntityId: 'x'.repeat(65) });
    expect(made).not.toHaveProperty('entityId');
    expect(made).not.toHaveProperty('parentEntityId');
  });

  test('takes the given record even when the pid has been reused meanwhile', () => {
    const ended: ProcessFacts = { entityId: 'e-old', pid: 100, endedAt: 5 };
    expect(event(observation({}, { pid: 100 }), ended).entityId).toBe('e-old');
  });

  test('[LI1] shortens values, says so, and splits no character', () => {
    const long = `${'a'.repeat(LIMITS.fieldValue - 1)}😀${'b'.repeat(2_000_000)}`;
    const made = event(observation({ CommandLine: long, Image: '/bin/a' }));
    expect(made.truncated).toEqual(['CommandLine']);
    expect(made.fields['CommandLine']).toBe('a'.repeat(LIMITS.fieldValue - 1));
  });

  test('[LI1] an event of many large fields still fits into one frame', () => {
    const fields: Record<string, string> = {};
    for (let i = 0; i < 200; i += 1) fields[`Field${i}`] = '\u0001'.repeat(40_000);
    const result = normaliser().normalise(observation(fields));
    expect(result.ok && new TextEncoder().encode(JSON.stringify(result.event)).length).toBeLessThan(LIMITS.frameBytes);
    expect(result.ok && result.dropped).toBeGreaterThan(100);
    expect(result.ok && result.event.truncated).toContain('Field0');
  });

  test('drops and counts what is no field; unknown values are absent', () => {
    const fields: Record<string, unknown> = JSON.parse('{"__proto__": "x", "constructor": "x", "1a": "x", "a b": "x"}');
    Object.assign(fields, {
      prototype: 'x',
      NotANumber: Number.NaN,
      Infinite: Infinity,
      List: ['x'],
      Nested: { a: 1 },
      Empty: '',
      Missing: undefined,
      Nothing: null,
      toString: 'own',
      Zero: 0,
      No: false,
    });
    const result = normaliser().normalise(observation(fields));
    expect(result).toMatchObject({ ok: true, dropped: 9 });
    expect(result.ok && result.event.fields).toEqual({ toString: 'own', Zero: 0, No: false });
    expect(result.ok && Event.safeParse(result.event).success).toBe(true);
  });

  test('keeps hostile text as it is, but makes lone surrogates well-formed', () => {
    const { fields } = event(observation({ CommandLine: 'a\nb\u202e\u0000<img>', Image: '/tmp/\ud800x' }));
    expect(fields).toMatchObject({ CommandLine: 'a\nb\u202e\u0000<img>', Image: '/tmp/\ufffdx' });
  });

  test.each([
    [{ logsource: { product: 'beos' } }, 'logsource_invalid'],
    [{ logsource: { product: 'linux', category: 'telepathy' } }, 'logsource_invalid'],
    [{ logsource: { product: 'linux', service: 's'.repeat(300) } }, 'logsource_invalid'],
    [{ time: Number.NaN }, 'time_invalid'],
    [{ time: -1 }, 'time_invalid'],
    [{ time: 1e300 }, 'time_invalid'],
  ])('refuses %j with %s', (more, code) => {
    expect(normaliser().normalise({ ...observation({}), ...(more as Partial<RawObservation>) })).toEqual({
      ok: false,
      code,
    });
  });

  test('random observations never throw and give valid events only', () => {
    const seed = Date.now() % 2 ** 32;
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const names = ['Image', '__proto__', 'constructor', '', 'a'.repeat(65), 'CommandLine', 'x\ny', 'ProcessId', 'Ü'];
    const values = [1, -0, Number.NaN, '', 'x', '\udfff', 'y'.repeat(70_000), true, null, undefined, [], {}, 10n];
    for (let round = 0; round < 500; round += 1) {
      const fields: Record<string, unknown> = {};
      for (let i = random(8); i > 0; i -= 1) {
        Object.defineProperty(fields, names[random(names.length)] ?? 'x', {
          value: values[random(values.length)],
          enumerable: true,
          configurable: true,
        });
      }
      const result = normaliser().normalise(observation(fields, { pid: random(3) * 50, bootTime: random(2) - 0.5 }));
      expect(result.ok && Event.safeParse(result.event).success, `seed ${seed}, round ${round}`).toBe(true);
    }
  });
});
