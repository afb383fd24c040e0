import {
  isInfrastructure,
  isSystemPath,
  livePath,
  programName,
  systemRole,
} from '../../../core/process/system-roles.ts';
import { type ProcessStat, readCommandLine, readExecutable } from './process-stat.ts';

/**
 * Servers whose main process carries a whole service: their workers may be stopped, the main process not.
 * Names of files in the system's own folders.
 */
const SERVERS: ReadonlySet<string> = new Set([
  'postgres',
  'mysqld',
  'mariadbd',
  'mongod',
  'redis-server',
  'valkey-server',
  'memcached',
  'slapd',
  'nginx',
  'apache2',
  'httpd',
  'haproxy',
  'named',
  'unbound',
  'dnsmasq',
  'dovecot',
  'exim4',
  'master',
  'smbd',
  'nmbd',
  'winbindd',
  'rpcbind',
  'chronyd',
  'ntpd',
  'firewalld',
  'sssd',
  'wpa_supplicant',
  'ModemManager',
  'cupsd',
  'systemd-oomd',
]);

export type Guarded =
  /** Not touched and not looked below: the agent, what it hangs from, the kernel, a person's session. */
  | 'closed'
  /** Not touched itself; what runs below it may be. */
  | 'passed';

export interface Guard {
  /** Why the process must be left alone; undefined when it may be stopped. `isMember`: it was named by pid. */
  check(process: ProcessStat, isMember: boolean): Guarded | undefined;
  /** Whether orphans come to it, so that its children tell nothing about who made them. */
  adoptsOrphans(pid: number): boolean;
}

export interface GuardOptions {
  readonly processes: ReadonlyMap<number, ProcessStat>;
  readonly selfPid: number;
  /** Further processes that belong to the agent. */
  readonly companions: ReadonlySet<number>;
}

/**
 * Decides by what the kernel says now, for one snapshot of the processes. The verdict has its own guards by
 * what the process table remembers; these hold even if it erred.
 */
export function createGuard({ processes, selfPid, companions }: GuardOptions): Guard {
  const own = ancestry(selfPid, processes);
  for (const pid of companions) own.add(pid);
  const images = new Map<number, string | undefined>();
  const factsOf = (process: ProcessStat) => {
    if (!images.has(process.pid)) images.set(process.pid, readExecutable(process.pid));
    const { pid, parentPid } = process;
    return { entityId: String(pid), pid, parentPid, image: images.get(pid) };
  };
  const isCritical = (process: ProcessStat): boolean => {
    const facts = factsOf(process);
    // A program that cannot be read (another's, without privilege) is not thereby infrastructure.
    return process.pid <= 2 || process.isKernelThread || (facts.image !== undefined && isInfrastructure(facts));
  };

  return {
    check: (process, isMember) => {
      if (process.pid <= 2 || process.isKernelThread || own.has(process.pid)) return 'closed';
      if (isCritical(process)) return 'passed';
      const parent = processes.get(process.parentPid);
      const path = livePath(factsOf(process).image ?? '');
      const underManager = parent === undefined || isCritical(parent);
      if (underManager && isSystemPath(path) && SERVERS.has(programName(path) ?? '')) return 'passed';
      const facts = parent === undefined ? undefined : factsOf(parent);
      const leadsSession = process.sessionId === process.pid && parent !== undefined && isCritical(parent);
      if (isMember || !leadsSession) return undefined;
      const shell = { ...factsOf(process), commandLine: readCommandLine(process.pid) };
      return systemRole(shell, facts) === 'session-leader' ? 'closed' : undefined;
    },
    adoptsOrphans: (pid) => {
      const process = processes.get(pid);
      return pid === 1 || process === undefined || isCritical(process);
    },
  };
}

/** The process and everything above it, up to pid 1. */
function ancestry(pid: number, processes: ReadonlyMap<number, ProcessStat>): Set<number> {
  const pids = new Set<number>();
  for (let at = pid; at > 0 && !pids.has(at); at = processes.get(at)?.parentPid ?? 0) pids.add(at);
  return pids;
}
