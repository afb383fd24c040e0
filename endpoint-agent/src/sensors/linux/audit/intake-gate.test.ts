import { expect, test } from 'vitest';
import { RECORD } from './constants.ts';
import { ASSEMBLER_LIMITS, type AuditEvent, EventAssembler } from './event-assembler.ts';
import { IntakeGate } from './intake-gate.ts';
import { uidOf } from './record.ts';

const call = (uid: number) =>
  `arch=c000003e syscall=42 ppid=1 pid=5 auid=1000 uid=${uid} gid=0 comm="a uid=7" exe="/x"`;

function gateOf({ full = false, room = true } = {}) {
  let now = 0;
  const gate = new IntakeGate({
    monotonic: () => now,
    userName: String,
    isFull: () => full,
    hasRoomFor: () => room,
  });
  return { gate, pass: (ms: number) => (now += ms) };
}
const admitted = (gate: IntakeGate, uid: number, times: number) =>
  Array.from({ length: times }, () => gate.admits(call(uid), 0)).filter(Boolean).length;

test('while the kernel has room for it, everything is taken', () => {
  const { gate } = gateOf({ full: true, room: false });
  gate.note(0.4);
  expect(admitted(gate, 1, 10_000)).toBe(10_000);
});

test('then a flood has its share of each moment, and the acts of others come through', () => {
  const { gate, pass } = gateOf();
  gate.note(0.7);
  expect(admitted(gate, 1, 10_000)).toBe(128);
  expect(admitted(gate, 2, 50)).toBe(50);
  expect(admitted(gate, 3, 20)).toBe(20);
  expect(gate.passedOver()).toEqual([['1', 9_872]]);
  pass(50);
  expect(admitted(gate, 1, 10_000)).toBe(128);
  pass(60_001);
  expect(gate.passedOver()).toEqual([]);
});

test('until the buffer is nearly empty', () => {
  const { gate } = gateOf();
  for (const [occupancy, pressed] of [
    [0.6, false],
    [0.61, true],
    [0.2, true],
    [0.05, false],
    [0.4, false],
  ] as const) {
    gate.note(occupancy);
    expect(gate.isPressed, String(occupancy)).toBe(pressed);
  }
});

test('what the main thread has no room for is not taken', () => {
  const { gate } = gateOf({ full: true, room: false });
  gate.note(1);
  expect(admitted(gate, 1, 5)).toBe(0);
});

test('an event that is not admitted is counted once, and is no gap', () => {
  const events: AuditEvent[] = [];
  const assembler = new EventAssembler(
    (event) => events.push(event),
    ASSEMBLER_LIMITS,
    (text, at) => uidOf(text, at) !== 9,
  );
  for (const [serial, uid] of [
    [1, 9],
    [2, 0],
    [3, 9],
  ] as const) {
    const record = (type: number, body: string) => assembler.add(type, `audit(1795551447.398:${serial}): ${body}`, 0);
    record(RECORD.SYSCALL, call(uid));
    record(RECORD.SOCKADDR, 'saddr=02000035');
    record(RECORD.EOE, '');
  }
  assembler.sweep(0);
  assembler.sweep(10_000);
  expect(events.map(({ serial }) => serial)).toEqual([2]);
  expect([assembler.passedOver, assembler.missing, assembler.incomplete, assembler.pending]).toEqual([2, 0, 0, 0]);
});

test('the user of a record is found by its first field of that name', () => {
  expect(uidOf(call(0), 0)).toBe(0);
  expect(uidOf(call(4_294_967_295), 0)).toBe(4_294_967_295);
  expect(uidOf('uring_op=16 items=0 ppid=1 pid=2 uid=61001 gid=5', 0)).toBe(61_001);
  expect(uidOf('op=set auid=5', 0)).toBeUndefined();
});
