import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_KERNEL, startCapture } from '../../../../../test/support/capture-probe.ts';
import { AUDIT_STATE_FILE, restoreKernelState } from '../index.ts';
import { FIELD, LIST_EXIT, STATUS_BACKLOG_LIMIT, STATUS_BACKLOG_WAIT, STATUS_ENABLED } from './constants.ts';
import { type AuditControl, openAuditControl } from './control.ts';
import { type AuditRule, always } from './rule.ts';
import { isOurs } from './rules.ts';
import type { AuditStatus } from './status.ts';
import { abisOf, numbersOf } from './syscalls.ts';

const CHILD = new URL('../../../../../test/support/capture-child.ts', import.meta.url).pathname;

/** A rule of somebody else, which must stand as it is before, during and after. */
function foreignRule(): AuditRule {
  const [abi] = abisOf(process.arch);
  if (!abi) throw new Error('unknown architecture');
  const uid = { field: 1, value: 4_000_000_000 };
  return always(LIST_EXIT, numbersOf(abi, 'connect'), [
    { field: FIELD.ARCH, value: abi.arch },
    uid,
    { field: FIELD.KEY, value: 'foreign-of-the-test' },
  ]);
}

/** Everything about audit that is settable, and every rule byte for byte. */
function snapshot(control: AuditControl) {
  const status = control.status();
  const rules = control.rules();
  if (typeof status === 'number' || typeof rules === 'number') throw new Error('audit cannot be read');
  const { lost: _lost, ...settings } = status;
  return { settings, rules: rules.map(({ raw }) => Buffer.from(raw).toString('hex')) };
}

async function startChild(...args: string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk) => resolve(String(chunk).trim()));
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
  });
  return { child, line };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once('exit', resolve));
  }
}

describe.skipIf(NO_KERNEL)(`the kernel's audit state${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`, () => {
  let control: AuditControl;
  let original: AuditStatus;
  let folder: string;
  let stateFile: string;

  beforeEach(() => {
    folder = mkdtempSync('/tmp/yagura-kernel-');
    stateFile = join(folder, 'state', AUDIT_STATE_FILE);
    const opened = openAuditControl();
    if (typeof opened === 'number') throw new Error(`audit: ${opened}`);
    control = opened;
    const status = control.status();
    if (typeof status === 'number') throw new Error(`audit: ${status}`);
    original = status;
    // Values of somebody's own, none of them a default or ours.
    control.set(STATUS_BACKLOG_LIMIT, { backlogLimit: 317 });
    control.set(STATUS_BACKLOG_WAIT, { backlogWaitTime: 123 });
    control.set(STATUS_ENABLED, { enabled: 0 });
    control.addRule(foreignRule());
  });

  afterEach(() => {
    restoreKernelState(stateFile);
    const rules = control.rules();
    if (typeof rules !== 'number') {
      for (const rule of rules) if (rule.key === 'foreign-of-the-test' || isOurs(rule)) control.deleteRule(rule);
    }
    control.set(STATUS_BACKLOG_LIMIT, { backlogLimit: original.backlogLimit });
    control.set(STATUS_BACKLOG_WAIT, { backlogWaitTime: original.backlogWaitTime });
    control.set(STATUS_ENABLED, { enabled: original.enabled });
    control[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is the same after a normal stop', async () => {
    const before = snapshot(control);
    {
      await using probe = await startCapture({ folder });
      expect(probe.healthOf('linux-audit').state).toBe('active');
      const during = snapshot(control);
      expect(during.settings).toMatchObject({ enabled: 1, backlogLimit: 8_192, backlogWaitTime: 0, pid: process.pid });
      expect(during.rules.length).toBeGreaterThan(before.rules.length + 10);
      expect(existsSync(stateFile)).toBe(true);
    }
    expect(snapshot(control)).toEqual(before);
    expect(existsSync(stateFile)).toBe(false);
  });

  test('comes back after SIGKILL and restoreKernelState, which may be called again', async () => {
    const before = snapshot(control);
    const { child, line } = await startChild('sensors', folder);
    expect(line).toBe('ready active');
    child.kill('SIGKILL');
    await ended(child);
    expect(snapshot(control).rules.length).toBeGreaterThan(before.rules.length);
    const outcome = restoreKernelState(stateFile);
    expect(outcome).toMatchObject({ ok: true, settingsRestored: 3 });
    expect(outcome.rulesRemoved).toBeGreaterThan(10);
    expect(snapshot(control)).toEqual(before);
    expect(restoreKernelState(stateFile)).toEqual({ ok: true, rulesRemoved: 0, settingsRestored: 0 });
  });

  test('comes back when the next run stops, after one that was killed', async () => {
    const before = snapshot(control);
    const { child } = await startChild('sensors', folder);
    child.kill('SIGKILL');
    await ended(child);
    {
      await using probe = await startCapture({ folder });
      spawnSync('/bin/true', ['after-the-kill']);
      await probe.find('process_creation', ({ fields }) => fields['CommandLine'] === '/bin/true after-the-kill');
    }
    expect(snapshot(control)).toEqual(before);
  });

  test('what somebody else changed meanwhile is left to them', async () => {
    {
      await using probe = await startCapture({ folder });
      expect(probe.healthOf('linux-audit').state).toBe('active');
      control.set(STATUS_BACKLOG_LIMIT, { backlogLimit: 9_000 });
    }
    expect(snapshot(control).settings).toMatchObject({ backlogLimit: 9_000, backlogWaitTime: 123, enabled: 0 });
  });

  test('a state file that is not ours changes nothing', () => {
    const before = snapshot(control);
    writeFileSync(join(folder, AUDIT_STATE_FILE), '{"version":1,"former":{"enabled":2}}');
    expect(restoreKernelState(join(folder, AUDIT_STATE_FILE)).settingsRestored).toBe(0);
    expect(snapshot(control)).toEqual(before);
  });

  test('beside a registered daemon the sensor listens, and leaves it registered', async () => {
    const { child } = await startChild('daemon');
    try {
      const before = snapshot(control);
      {
        await using probe = await startCapture({ folder });
        expect(snapshot(control).settings).toMatchObject({ pid: child.pid, backlogWaitTime: 123 });
        spawnSync('/bin/true', ['beside-the-daemon']);
        await probe.find('process_creation', ({ fields }) => fields['CommandLine'] === '/bin/true beside-the-daemon');
        expect(probe.healthOf('linux-audit')).toMatchObject({ state: 'active', lost: 0 });
      }
      expect(snapshot(control)).toEqual(before);
    } finally {
      child.stdin?.end();
      await ended(child);
    }
  });
});
