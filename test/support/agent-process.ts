import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requestStatus } from '../../endpoint-agent/src/local-api/client.ts';
import { type AgentStatus, LOCAL_SOCKET } from '../../endpoint-agent/src/local-api/status.ts';
import { ROOT } from './local-installation.ts';

const TICKS_PER_SECOND = 100;
const READY_WITHIN_MS = 60_000;

/** The built agent alone, with every sensor and our rules, without a console. */
export interface AgentProcess extends AsyncDisposable {
  readonly pid: number;
  readonly stateDir: string;
  status(): Promise<AgentStatus>;
}

/** Starts it in a folder of its own and waits until its sensors see. */
export async function startAgentProcess(folder: string): Promise<AgentProcess> {
  const stateDir = join(folder, 'agent');
  mkdirSync(stateDir, { mode: 0o700 });
  const config = join(folder, 'agent.json');
  const packDir = join(ROOT, 'endpoint-agent', 'rules');
  writeFileSync(config, JSON.stringify({ stateDir, packDir, logLevel: 'warn' }), { mode: 0o600 });
  const program = join(ROOT, 'endpoint-agent', 'dist', 'agent.mjs');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, '--config', config], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  try {
    await ready(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid ?? 0,
    stateDir,
    async status() {
      const result = await requestStatus(join(stateDir, LOCAL_SOCKET), 30_000);
      if (!result.ok) throw new Error(`the agent's status: ${result.code}`);
      return result.status;
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function ready(child: ChildProcess): Promise<void> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error('the agent was not ready in time')), READY_WITHIN_MS);
  const options = { signal: stop.signal };
  const ended = once(child, 'exit', options).then(([code]) => {
    throw new Error(`the agent ended with ${code}`);
  });
  try {
    await Promise.race([once(child, 'message', options), ended]);
  } finally {
    clearTimeout(timer);
    ended.catch(() => undefined);
    stop.abort();
  }
}

/** PSS of a process in megabytes. */
export function pssMegabytes(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kilobytes ?? 0) / 1_024;
}

/** CPU time that a process has used, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Bytes that wait in the kernel on this process's netlink sockets of a family (9: audit, 11: forks and exits). */
export function netlinkWaiting(pid: number, family: number): number {
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => socketOf(pid, fd)));
  const rows = readFileSync('/proc/net/netlink', 'utf8').split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter((fields) => fields[1] === String(family) && own.has(fields[9]))
    .reduce((sum, fields) => sum + Number(fields[4]), 0);
}

/** The inode of the socket behind a descriptor. */
function socketOf(pid: number, fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
  } catch {
    return undefined; // Closed meanwhile.
  }
}
