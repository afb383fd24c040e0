import { describe, expect, test } from 'vitest';
import { ACTION_ALWAYS, ARCH, FIELD, LIST_EXIT, LIST_URING } from './constants.ts';
import { settingsFor } from './kernel-state.ts';
import { always, decodeRule, encodeRule } from './rule.ts';
import { isOurs, sensorRules } from './rules.ts';
import { decodeStatus, encodeStatus } from './status.ts';
import { abisOf, meaningOf } from './syscalls.ts';

describe('audit_rule_data', () => {
  test('has every member at its place', () => {
    const bytes = encodeRule(
      always(
        LIST_EXIT,
        [59, 322],
        [
          { field: FIELD.ARCH, value: ARCH.X86_64 },
          { field: FIELD.WATCH, value: '/etc/shadow' },
          { field: FIELD.KEY, value: 'yagura' },
        ],
      ),
    );
    expect(bytes.length).toBe(1_040 + '/etc/shadowyagura'.length);
    expect([bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8)]).toEqual([4, ACTION_ALWAYS, 3]);
    expect(bytes.readUInt32LE(12 + 4)).toBe(1 << 27); // Bit 59.
    expect(bytes.readUInt32LE(12 + 40)).toBe(1 << 2); // Bit 322.
    expect(bytes.readUInt32LE(524)).toBe(0xc000003e);
    expect(bytes.readUInt32LE(524 + 4)).toBe(11);
    expect(bytes.readUInt32LE(780)).toBe(0x40000000);
    expect(bytes.readUInt32LE(1_036)).toBe(17);
    expect(bytes.toString('utf8', 1_040)).toBe('/etc/shadowyagura');
  });

  test('a listed rule is known by its key, whatever strings stand before it', () => {
    const rules = sensorRules(abisOf('x64'), [{ path: '/etc/yagura', kind: 'directory' }]);
    for (const rule of rules) expect(isOurs(decodeRule(encodeRule(rule)) ?? never())).toBe(true);
    const foreign = always(LIST_EXIT, undefined, [
      { field: FIELD.DIR, value: 'yagura' },
      { field: FIELD.KEY, value: 'yagura-not' },
    ]);
    expect(isOurs(decodeRule(encodeRule(foreign)) ?? never())).toBe(false);
    expect(decodeRule(new Uint8Array(100))).toBeUndefined();
  });

  test.each(['x64', 'arm64'])('every rule of %s names its ABI and the system calls it is about', (arch) => {
    const rules = sensorRules(abisOf(arch), [{ path: '/etc/shadow', kind: 'file' }]);
    for (const rule of rules) expect(rule.syscalls?.length).toBeGreaterThan(0);
    // What goes through a ring has no ABI.
    const calls = rules.filter(({ list }) => (list & 0xf) !== LIST_URING);
    for (const rule of calls) expect(rule.fields[0]?.field).toBe(FIELD.ARCH);
    expect(new Set(calls.map((rule) => rule.fields[0]?.value)).size).toBe(2);
    expect(rules.length - calls.length).toBe(2);
  });

  test('an unknown architecture has none', () => {
    expect(abisOf('riscv64')).toEqual([]);
    expect(meaningOf(0xdead, 59)).toBeUndefined();
  });
});

describe('audit_status', () => {
  test('comes back from its bytes; a shorter one of an older kernel lacks the end', () => {
    const status = { enabled: 1, failure: 2, pid: 77, rateLimit: 9, backlogLimit: 64, backlogWaitTime: 15_000 };
    const bytes = encodeStatus(0, status);
    expect(decodeStatus(bytes)).toEqual({ ...status, lost: 0 });
    expect(decodeStatus(bytes.subarray(0, 32))).toEqual({ ...status, backlogWaitTime: 0, lost: 0 });
  });

  const former = { enabled: 0, failure: 2, pid: 0, rateLimit: 0, backlogLimit: 64, lost: 3, backlogWaitTime: 15_000 };

  test('as the daemon nothing waits for us, and nothing panics over a loss', () => {
    expect(settingsFor('daemon', former)).toEqual({
      enabled: 1,
      failure: 1,
      rateLimit: 0,
      backlogLimit: 8_192,
      backlogWaitTime: 0,
    });
  });

  test("beside another daemon the waiting and the failure mode stay its owner's", () => {
    expect(settingsFor('listener', { ...former, enabled: 1, pid: 9 })).toEqual({
      enabled: 1,
      failure: 2,
      rateLimit: 0,
      backlogLimit: 8_192,
      backlogWaitTime: 15_000,
    });
  });

  test('a larger backlog, or one without limit, stays', () => {
    expect(settingsFor('daemon', { ...former, backlogLimit: 65_536 }).backlogLimit).toBe(65_536);
    expect(settingsFor('daemon', { ...former, backlogLimit: 0 }).backlogLimit).toBe(0);
  });
});

function never(): never {
  throw new Error('a rule that we encoded must decode');
}
