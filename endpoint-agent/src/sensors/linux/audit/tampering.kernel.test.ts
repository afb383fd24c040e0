import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guardAuditState } from '../../../../../test/support/audit-guard.ts';
import { type CaptureProbe, NO_KERNEL, startCapture } from '../../../../../test/support/capture-probe.ts';
import type { Observation } from '../../sensor.ts';
import { NETLINK_AUDIT, openNetlink } from '../native/netlink.ts';
import { openAuditControl, registerDaemon } from './control.ts';

const TAMPERER = new URL('../../../../../test/support/audit-tamperer.ts', import.meta.url).pathname;
const DAEMON = new URL('../../../../../test/support/capture-child.ts', import.meta.url).pathname;

/** Runs one act of tampering in a process of its own; its pid. */
function tamper(act: string, ...args: string[]): number {
  const child = spawnSync(process.execPath, [TAMPERER, act, ...args], { encoding: 'utf8' });
  expect(child.stdout.trim(), child.stderr).toBe('0');
  return child.pid;
}

async function told(probe: CaptureProbe, kind: string): Promise<Observation> {
  const find = () => probe.seen.findLast(({ fields }) => fields['EventType'] === kind);
  await expect.poll(find, { timeout: 15_000 }).toBeDefined();
  const found = find();
  if (!found) throw new Error(`no ${kind}`);
  return found;
}

let runs = 0;
async function seesStarts(probe: CaptureProbe): Promise<void> {
  const mark = `after-tampering-${++runs}`;
  spawnSync('/bin/true', [mark]);
  await probe.find('process_creation', ({ fields }) => fields['CommandLine'] === `/bin/true ${mark}`);
}

describe.skipIf(NO_KERNEL)(`tampering is noticed, named and mended${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let guard: Disposable;
  let probe: CaptureProbe;

  beforeAll(async () => {
    guard = guardAuditState();
    probe = await startCapture();
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
    guard[Symbol.dispose]();
  });

  test.each([
    ['delete-rules', 'audit_rules_removed'],
    ['disable', 'audit_disabled'],
    ['weaken', 'audit_settings_weakened'],
    ['exclude', 'audit_records_excluded'],
  ])('%s: %s, with the process that did it', async (act, kind) => {
    const pid = tamper(act);
    const { logsource, fields } = await told(probe, kind);
    expect(logsource).toEqual({ product: 'linux', service: 'sensor_tamper' });
    expect(fields).toMatchObject({ Sensor: 'linux-audit', Mended: true, ProcessId: pid, Image: process.execPath });
    expect(fields['CommandLine']).toContain(`audit-tamperer.ts ${act}`);
    await expect
      .poll(() => probe.healthOf('linux-audit'), { timeout: 5_000 })
      .toMatchObject({ state: 'degraded', code: kind });
    await seesStarts(probe);
  });

  test('a limit on records a second, which drops the record of its own setting too', async () => {
    const before = probe.seen.length;
    tamper('limit-rate');
    const find = () => probe.seen.findLast(({ fields }) => fields['EventType'] === 'audit_settings_weakened');
    await expect.poll(() => probe.seen.indexOf(find() as Observation), { timeout: 15_000 }).toBeGreaterThan(before);
    expect(find()?.fields).toMatchObject({ Mended: true });
    await seesStarts(probe);
  });

  test('a rule that hides what it matches is moved behind ours and stays', async () => {
    tamper('overrule');
    const { fields } = await told(probe, 'audit_rules_overruled');
    expect(fields).toMatchObject({ Mended: true });
    await seesStarts(probe);
    const control = openAuditControl();
    const rules = typeof control === 'number' ? [] : control.rules();
    if (typeof rules === 'number') throw new Error('no rules');
    const foreign = rules.filter(({ action }) => action === 0);
    expect(foreign).toHaveLength(1);
    if (typeof control === 'number') return;
    for (const rule of foreign) control.deleteRule(rule);
    control[Symbol.dispose]();
  });

  test('a rule that hides every new process is taken out', async () => {
    tamper('hide-tasks');
    expect((await told(probe, 'audit_tasks_hidden')).fields).toMatchObject({ Mended: true });
    await seesStarts(probe);
  });

  async function daemon(): Promise<{ readonly child: ChildProcess; readonly answer: string }> {
    const child = spawn(process.execPath, [DAEMON, 'daemon'], { stdio: ['pipe', 'pipe', 'pipe'] });
    const answer = await Promise.race([
      once(child.stdout, 'data').then(([chunk]) => String(chunk).trim()),
      once(child, 'exit').then(() => 'refused'),
    ]);
    return { child, answer };
  }

  test('an attempt to take the audit connection from us is told with its process', async () => {
    const { child, answer } = await daemon();
    expect(answer).toBe('refused');
    const { fields } = await told(probe, 'audit_daemon_attempt');
    expect(fields).toMatchObject({ ProcessId: child.pid, Image: process.execPath });
    await seesStarts(probe);
  });

  test('a stolen audit connection: we listen beside the thief, and take it back when he is gone', async () => {
    // Only this process itself can let go of it; then another one takes it.
    const socket = openNetlink(NETLINK_AUDIT, 0);
    if (typeof socket === 'number') throw new Error(`netlink: ${socket}`);
    expect(registerDaemon(socket, 0, () => {})).toBe(0);
    socket.close();
    const { child, answer } = await daemon();
    expect(answer).toBe('ready');
    expect((await told(probe, 'audit_daemon_replaced')).fields).toMatchObject({ Mended: true });
    await seesStarts(probe);
    child.stdin?.end();
    await once(child, 'exit');
    await expect.poll(ownerOfAudit, { timeout: 30_000 }).toBe(process.pid);
    await seesStarts(probe);
  });

  test('marks of fanotify that somebody flushed are set again', async () => {
    const marksTaken = () => probe.seen.filter(({ fields }) => fields['EventType'] === 'file_marks_removed');
    expect(marksTaken()).toEqual([]);
    tamper('flush-marks', String(process.pid));
    await expect
      .poll(() => marksTaken()[0]?.fields, { timeout: 15_000 })
      .toMatchObject({
        Sensor: 'linux-files',
        Mended: true,
      });
    await expect
      .poll(() => probe.healthOf('linux-files'), { timeout: 5_000 })
      .toMatchObject({ state: 'degraded', code: 'file_marks_removed' });
    // More than one file, since on a busy machine the kernel's queue may run over (and says so).
    const path = join(probe.folder, 'after-the-flush');
    await expect
      .poll(
        () => {
          spawnSync('/bin/sh', ['-c', `echo > ${path}`]);
          return probe.seen.some(({ fields }) => fields['TargetFilename'] === path);
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(true);
  });

  test('the agent itself is never told of, and neither are its canaries', () => {
    const tampering = probe.seen.filter(({ logsource }) => logsource.service === 'sensor_tamper');
    expect(tampering.length).toBeGreaterThanOrEqual(9);
    expect(tampering.filter(({ fields }) => fields['ProcessId'] === process.pid)).toEqual([]);
    expect(JSON.stringify(probe.seen)).not.toContain('yagura-canary');
  });
});

describe.skipIf(NO_KERNEL)(`canaries${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  test('that arrive leave the sensors active, round after round', async () => {
    await using probe = await startCapture();
    // Longer than it takes to find a sensor blind.
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    for (const source of ['linux-audit', 'linux-processes', 'linux-files'] as const) {
      expect(probe.healthOf(source).state, probe.healthOf(source).detail).not.toBe('blind');
    }
    expect(JSON.stringify(probe.seen)).not.toContain('yagura-canary');
  });

  test('a sensor that new processes are hidden from is blind within a minute, and recovers by itself', async () => {
    using _guard = guardAuditState();
    // It stood before the agent came: the machine's own decision, which is told and left.
    tamper('hide-tasks');
    await using probe = await startCapture();
    expect(probe.healthOf('linux-audit')).toMatchObject({ state: 'degraded', code: 'audit_tasks_hidden' });
    await expect
      .poll(() => probe.healthOf('linux-audit'), { timeout: 60_000, interval: 500 })
      .toMatchObject({ state: 'blind', code: 'canary_missing' });
    expect(probe.healthOf('linux-audit').detail).toContain('(exec, connect)');
    expect(probe.healthOf('linux-files').state).not.toBe('blind');
    expect(probe.healthOf('linux-processes').state).toBe('active');
    const control = openAuditControl();
    if (typeof control === 'number') throw new Error(`audit: ${control}`);
    const rules = control.rules();
    if (typeof rules === 'number') throw new Error('no rules');
    for (const rule of rules.filter(({ action }) => action === 0)) control.deleteRule(rule);
    control[Symbol.dispose]();
    await expect.poll(() => probe.healthOf('linux-audit').state, { timeout: 60_000, interval: 500 }).toBe('active');
    await seesStarts(probe);
    writeFileSync(join(probe.folder, 'own'), 'writes of the agent itself are no telemetry');
    expect(JSON.stringify(probe.seen)).not.toContain('yagura-canary');
  }, 180_000);
});

function ownerOfAudit(): number {
  const control = openAuditControl();
  if (typeof control === 'number') return control;
  const status = control.status();
  control[Symbol.dispose]();
  return typeof status === 'number' ? status : status.pid;
}
