/**
 * Remembers the kernel's audit state for a test that meddles with it, and puts it back: when the test ends, or
 * by a process of its own when the test's process dies or takes too long (`node audit-guard.ts STATE_FILE JSON`).
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  STATUS_BACKLOG_LIMIT,
  STATUS_BACKLOG_WAIT,
  STATUS_ENABLED,
  STATUS_FAILURE,
  STATUS_RATE_LIMIT,
} from '../../endpoint-agent/src/sensors/linux/audit/constants.ts';
import { type AuditControl, openAuditControl } from '../../endpoint-agent/src/sensors/linux/audit/control.ts';
import type { AuditStatus } from '../../endpoint-agent/src/sensors/linux/audit/status.ts';
import { identityOf } from '../../endpoint-agent/src/sensors/linux/audit/tampering.ts';

interface Remembered {
  readonly status: AuditStatus;
  readonly rules: readonly string[];
}

const AT_MOST_MS = 240_000;

function open(): AuditControl {
  const control = openAuditControl();
  if (typeof control === 'number') throw new Error(`audit: ${control}`);
  return control;
}

function restore({ status, rules }: Remembered): void {
  const control = open();
  const now = control.rules();
  if (typeof now !== 'number') {
    for (const rule of now) if (!rules.includes(identityOf(rule))) control.deleteRule(rule);
  }
  control.set(STATUS_FAILURE | STATUS_RATE_LIMIT | STATUS_BACKLOG_LIMIT | STATUS_BACKLOG_WAIT | STATUS_ENABLED, status);
  control[Symbol.dispose]();
}

/** Call before the first change; the state is back when it is disposed of. */
export function guardAuditState(): Disposable {
  const control = open();
  const status = control.status();
  const rules = control.rules();
  control[Symbol.dispose]();
  if (typeof status === 'number' || typeof rules === 'number') throw new Error('audit cannot be read');
  const remembered: Remembered = { status, rules: rules.map(identityOf) };
  const watchdog = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(remembered)], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  return {
    [Symbol.dispose]: () => {
      restore(remembered);
      watchdog.stdin.end('done');
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const remembered = JSON.parse(process.argv[2] ?? '') as Remembered;
  const timer = setTimeout(() => {
    restore(remembered);
    process.exit(1);
  }, AT_MOST_MS);
  let said = '';
  for await (const chunk of process.stdin) said += String(chunk);
  clearTimeout(timer);
  if (said !== 'done') restore(remembered);
}
