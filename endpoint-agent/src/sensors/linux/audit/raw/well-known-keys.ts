import { posix } from 'node:path';

/**
 * Keys that public rules expect from an audit configuration which they name: that of Florian Roth
 * (github.com/Neo23x0/auditd, audit.rules), widely deployed and quoted by SigmaHQ's rules. The agent's own rules see
 * the same acts, so it writes the key that such a configuration would have written.
 */
export const WELL_KNOWN_KEYS = ['susp_activity', 'network_connect_4'] as const;
export type WellKnownKey = (typeof WELL_KNOWN_KEYS)[number];

/** `-w PATH -p x -k susp_activity` */
const SUSPICIOUS_PROGRAMS: ReadonlySet<string> = new Set(
  [
    '/usr/bin/wget',
    '/usr/bin/curl',
    '/usr/bin/base64',
    '/bin/nc',
    '/bin/netcat',
    '/usr/bin/ncat',
    '/usr/bin/ss',
    '/usr/bin/netstat',
    '/usr/bin/ssh',
    '/usr/bin/scp',
    '/usr/bin/sftp',
    '/usr/bin/ftp',
    '/usr/bin/socat',
    '/usr/bin/wireshark',
    '/usr/bin/tshark',
    '/usr/bin/rawshark',
    '/usr/bin/rdesktop',
    '/usr/local/bin/rdesktop',
    '/usr/bin/wlfreerdp',
    '/usr/bin/xfreerdp',
    '/usr/local/bin/xfreerdp',
    '/usr/bin/nmap',
  ].map(withoutUsr),
);

/** sizeof(struct sockaddr_in), as the third argument is written. */
const IPV4_ADDRESS_LENGTH = '10';

export interface KeyedCall {
  readonly syscall: string | undefined;
  readonly succeeded: boolean;
  /** Third argument, in hexadecimal. */
  readonly a2: string | undefined;
  /** The program, and the name by which it was started where that is another one. */
  readonly programs: readonly (string | undefined)[];
}

/** The key that the well-known configuration gives the call; undefined for all others. */
export function wellKnownKey({ syscall, succeeded, a2, programs }: KeyedCall): WellKnownKey | undefined {
  if (!succeeded) return undefined;
  if (syscall === 'execve' || syscall === 'execveat') {
    const isOne = programs.some((path) => path !== undefined && SUSPICIOUS_PROGRAMS.has(withoutUsr(path)));
    return isOne ? 'susp_activity' : undefined;
  }
  // `-a always,exit -S connect -F a2=16 -F success=1 -k network_connect_4`
  return syscall === 'connect' && a2 === IPV4_ADDRESS_LENGTH ? 'network_connect_4' : undefined;
}

/** /bin and /usr/bin are one folder on today's systems, and a watch follows the file whatever its name. */
function withoutUsr(path: string): string {
  const normal = posix.normalize(path);
  return normal.startsWith('/usr/bin/') ? normal.slice('/usr'.length) : normal;
}
