import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  STATUS_BACKLOG_LIMIT,
  STATUS_BACKLOG_WAIT,
  STATUS_ENABLED,
} from '../../../endpoint-agent/src/sensors/linux/audit/constants.ts';
import { openAuditControl } from '../../../endpoint-agent/src/sensors/linux/audit/control.ts';

const AUDITD = '/usr/sbin/auditd';
const AUDITCTL = '/sbin/auditctl';
const KEY = 'yagura-bench';
const RULES = ['b64', 'b32'].flatMap((arch) => [
  ['-a', 'always,exit', '-F', `arch=${arch}`, '-S', 'execve', '-S', 'execveat', '-k', KEY],
  ['-a', 'always,exit', '-F', `arch=${arch}`, '-S', 'connect', '-k', KEY],
]);
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const START_PATIENCE_MS = 10_000;

/** Debian's own audit daemon with rules for what an endpoint agent wants first: starts and connections. */
export interface AuditDaemon {
  readonly pid: number;
  /** Ends it and puts the kernel's audit back as it was. */
  stop(): Promise<void>;
}

/** Returns why not, where there is none or another one runs. Its log lies in a temporary folder. */
export async function startAuditDaemon(): Promise<AuditDaemon | string> {
  if (!existsSync(AUDITD) || !existsSync(AUDITCTL)) return 'auditd is not installed';
  const control = openAuditControl();
  if (typeof control === 'number') return `audit refused: ${control}`;
  const before = control.status();
  if (typeof before === 'number' || before.pid !== 0 || before.enabled === 2) {
    control[Symbol.dispose]();
    return 'another audit daemon runs, or audit is locked';
  }
  const folder = mkdtempSync(join(tmpdir(), 'yagura-auditd-'));
  mkdirSync(join(folder, 'plugins.d'));
  const shipped = readFileSync('/etc/audit/auditd.conf', 'utf8');
  const config = shipped
    .replace(/^log_file = .*$/m, `log_file = ${join(folder, 'audit.log')}`)
    .replace(/^plugin_dir = .*$/m, `plugin_dir = ${join(folder, 'plugins.d')}`);
  writeFileSync(join(folder, 'auditd.conf'), config, { mode: 0o640 });
  const child = spawn(AUDITD, ['-n', '-s', 'enable', '-c', folder], { stdio: 'ignore' });
  const ended = once(child, 'close');
  /** Also when the benchmark itself is ended: the daemon would live on with its rules. */
  const restore = (): void => {
    for (const signal of SIGNALS) process.removeListener(signal, giveUp);
    for (const rule of RULES) auditctl(['-d', ...rule.slice(1)]);
    child.kill('SIGTERM');
    control.set(STATUS_ENABLED | STATUS_BACKLOG_LIMIT | STATUS_BACKLOG_WAIT, before);
    control[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  const giveUp = (): void => {
    restore();
    process.exit(1);
  };
  for (const signal of SIGNALS) process.once(signal, giveUp);
  const stop = async (): Promise<void> => {
    restore();
    await ended;
  };
  for (let waited = 0; waited < START_PATIENCE_MS; waited += 50) {
    const status = control.status();
    if (typeof status !== 'number' && status.pid === child.pid) break;
    await pause(50);
  }
  control.set(STATUS_BACKLOG_LIMIT, { backlogLimit: 8_192 });
  if (child.pid === undefined || !RULES.every(auditctl)) {
    await stop();
    return 'auditctl refused the rules';
  }
  return { pid: child.pid, stop };
}

/** True when auditctl took it. */
function auditctl(args: readonly string[]): boolean {
  try {
    execFileSync(AUDITCTL, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
