import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NetlinkSocket } from '../native/netlink.ts';
import { type AuditSession, createAuditSession } from './audit-session.ts';
import { ACTION_NEVER, FIELD, LIST_EXIT, LIST_PREPEND } from './constants.ts';
import type { AuditControl } from './control.ts';
import { type AuditRule, always, decodeRule, encodeRule, type ListedRule } from './rule.ts';
import { isOurs, isRaw, RAW_KEY } from './rules.ts';
import type { AuditStatus } from './status.ts';
import type { TamperReport } from './tamper-report.ts';

const LOCKED = 2;
const OWN = 4_242;

/** The kernel's side of netlink, as far as a session speaks with it; locked, it refuses every change. */
class FakeKernel {
  status: AuditStatus = {
    enabled: 0,
    failure: 1,
    pid: 0,
    rateLimit: 0,
    backlogLimit: 64,
    lost: 0,
    backlogWaitTime: 15_000,
  };
  rules: ListedRule[] = [];
  refused = 0;

  #change(act: () => void): number {
    if (this.status.enabled === LOCKED) {
      this.refused += 1;
      return -constants.errno.EPERM;
    }
    act();
    return 0;
  }

  control(): AuditControl {
    return {
      status: () => this.status,
      set: (_mask, status) => this.#change(() => void (this.status = { ...this.status, ...status })),
      addRule: (rule) =>
        this.#change(() => {
          const listed = decodeRule(encodeRule({ ...rule, list: rule.list & 0xf }));
          if (listed) this.rules.unshift(listed);
        }),
      deleteRule: (rule) => this.#change(() => void (this.rules = this.rules.filter(({ raw }) => raw !== rule.raw))),
      rules: () => this.rules,
      [Symbol.dispose]: () => undefined,
    };
  }

  /** Answers a registration as the kernel does, then has nothing more to say. */
  socket(): NetlinkSocket {
    let answer: Buffer | undefined;
    return {
      fd: -1,
      send: (message) => {
        const request = Buffer.from(message);
        const result = this.#change(() => void (this.status = { ...this.status, pid: request.readUInt32LE(28) }));
        answer = Buffer.alloc(20);
        answer.writeUInt16LE(2, 4);
        request.copy(answer, 8, 8, 12);
        answer.writeInt32LE(result, 16);
        return message.length;
      },
      receive: (into) => {
        if (!answer) return -constants.errno.EAGAIN;
        into.set(answer);
        answer = undefined;
        return 20;
      },
      setReceiveBuffer: () => undefined,
      filter: () => 0,
      dropped: () => 0,
      occupancy: () => 0,
      foreignDatagrams: 0,
      close: () => undefined,
    };
  }
}

let kernel: FakeKernel;
let folder: string;
let now: number;
let enablings = 0;
let told: TamperReport[];
let session: AuditSession;

beforeEach(() => {
  kernel = new FakeKernel();
  folder = mkdtempSync(join(tmpdir(), 'yagura-session-'));
  now = 0;
  told = [];
  enablings = 0;
  session = createAuditSession({
    openControl: () => kernel.control(),
    openSocket: () => kernel.socket(),
    ownPid: OWN,
    stateFile: join(folder, 'kernel-state.json'),
    watched: [],
    receiveBufferBytes: 65_536,
    monotonic: () => now,
    onRecord: () => undefined,
    onTampering: (report) => void told.push(report),
    onEnabling: () => {
      enablings += 1;
    },
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function pass(milliseconds: number): void {
  for (let passed = 0; passed < milliseconds; passed += 250) {
    now += 250;
    session.tick();
  }
}

test('a daemon that is restarted gets its place back; one that ends leaves it to us', () => {
  const others = process.pid;
  kernel.status = { ...kernel.status, pid: others };
  session.start();
  expect(kernel.status.pid).toBe(others);
  const lookAfter = (milliseconds: number, daemon: number): number => {
    now += milliseconds;
    kernel.status = { ...kernel.status, pid: daemon };
    session.tick();
    return kernel.status.pid;
  };
  expect(lookAfter(5_000, 0)).toBe(0);
  expect(lookAfter(5_000, others)).toBe(others);
  expect(lookAfter(5_000, 0)).toBe(0);
  expect(lookAfter(5_000, 0)).toBe(OWN);
  expect(told).toEqual([]);
});

test('audit that is locked at the start is said at once, and nothing is tried', () => {
  kernel.status = { ...kernel.status, enabled: LOCKED };
  session.start();
  expect(session.trouble).toMatchObject({ code: 'audit_locked' });
  expect(kernel.rules).toEqual([]);
  pass(60_000);
  session.stop();
  // Only the registration as the daemon and its end were tried.
  expect(kernel.refused).toBeLessThanOrEqual(2);
});

test('audit that is locked while we run is told once; our rules stay, and that is said', () => {
  session.start();
  expect(session.trouble).toBeUndefined();
  const ours = kernel.rules.filter(isOurs).length;
  expect(ours).toBeGreaterThan(10);
  kernel.status = { ...kernel.status, enabled: LOCKED };
  pass(60_000);
  expect(told.map(({ kind, mended }) => [kind, mended])).toEqual([['audit_locked', false]]);
  expect(session.trouble).toBeUndefined();
  pass(120_000);
  expect(session.warning).toMatchObject({ code: 'audit_locked' });
  session.stop();
  expect(kernel.rules.filter(isOurs)).toHaveLength(ours);
});

test('who did it is taken from the record, whether that comes before or after the look', () => {
  session.start();
  kernel.status = { ...kernel.status, backlogLimit: 5 };
  pass(5_000);
  session.noteChange({ explains: ['audit_settings_weakened'], conclusive: false, pid: 77, image: '/x', time: 1 });
  pass(1_000);
  expect(told).toMatchObject([{ kind: 'audit_settings_weakened', pid: 77, image: '/x', mended: true }]);
  expect(kernel.status.backlogLimit).toBe(8_192);
  // Removed and put back before we could look: the record alone tells.
  session.noteChange({ explains: ['audit_rules_removed'], conclusive: true, pid: 78, time: 2 });
  session.noteChange({ explains: ['audit_rules_removed'], conclusive: true, pid: 78, time: 3 });
  pass(1_000);
  expect(told.slice(1)).toMatchObject([{ kind: 'audit_rules_removed', pid: 78, mended: true, count: 2 }]);
  session.noteChange({ explains: ['audit_rules_removed'], conclusive: true, pid: OWN, time: 4 });
  pass(10_000);
  expect(told).toHaveLength(2);
});

test('a foreign "never" behind our rules takes nothing away and is left alone', () => {
  session.start();
  const never = decodeRule(encodeRule({ list: LIST_EXIT, action: ACTION_NEVER, fields: [] }));
  if (never) kernel.rules.push(never);
  pass(10_000);
  expect(told).toEqual([]);
  if (never) kernel.rules.unshift(kernel.rules.pop() ?? never);
  pass(10_000);
  expect(told).toMatchObject([{ kind: 'audit_rules_overruled', mended: true }]);
  expect(kernel.rules.at(-1)?.action).toBe(ACTION_NEVER);
});

test('a rule that hides tasks is left when it stood before us, and taken out when it comes later', () => {
  const hiding = decodeRule(encodeRule({ list: 1, action: ACTION_NEVER, fields: [] }));
  if (!hiding) throw new Error('must decode');
  kernel.rules.push(hiding);
  session.start();
  pass(10_000);
  expect(told).toEqual([]);
  expect(session.warning).toMatchObject({ code: 'audit_tasks_hidden' });
  const second = decodeRule(encodeRule({ list: 1, action: ACTION_NEVER, fields: [{ field: 1, value: 0 }] }));
  if (second) kernel.rules.push(second);
  pass(10_000);
  expect(told).toMatchObject([{ kind: 'audit_tasks_hidden', mended: true }]);
  expect(kernel.rules).toContain(hiding);
  expect(kernel.rules).not.toContain(second);
});

test('whether audit was off before it is told, and not when it was on', () => {
  session.start();
  expect(enablings).toBe(1);
  session.stop();
  kernel.status = { ...kernel.status, enabled: 1 };
  session.start();
  expect(enablings).toBe(1);
  session.stop();
});

const rawRule = (syscall: number): AuditRule =>
  always(LIST_EXIT | LIST_PREPEND, [syscall], [{ field: FIELD.KEY, value: RAW_KEY }]);

test('rules for the raw log come and go without a word, and are mended as all others', () => {
  session.setRawRules([rawRule(99)]);
  session.start();
  const own = kernel.rules.filter((rule) => isOurs(rule) && !isRaw(rule)).length;
  expect(kernel.rules.filter(isRaw)).toHaveLength(1);
  session.setRawRules([rawRule(99), rawRule(103)]);
  pass(10_000);
  session.setRawRules([]);
  pass(10_000);
  expect([told, kernel.rules.filter(isRaw)]).toEqual([[], []]);
  expect(kernel.rules.filter(isOurs)).toHaveLength(own);
  session.setRawRules([rawRule(103)]);
  kernel.rules = kernel.rules.filter((rule) => !isRaw(rule));
  pass(10_000);
  expect(told.map(({ kind, mended }) => [kind, mended])).toEqual([['audit_rules_removed', true]]);
  expect(kernel.rules.filter(isRaw)).toHaveLength(1);
  session.stop();
  expect(kernel.rules.filter(isOurs)).toEqual([]);
});
