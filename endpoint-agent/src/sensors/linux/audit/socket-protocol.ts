import { libc } from '../../../native/libc.ts';

/**
 * The protocol of an open socket of another process: sockfs shows it as an extended attribute of the
 * descriptor's link in /proc. Undefined once the process or the descriptor is gone.
 */
export function socketProtocol(pid: number, fd: number): string | undefined {
  const name = Buffer.alloc(32);
  const length = libc().getxattr(Buffer.from(`/proc/${pid}/fd/${fd}`), 'system.sockprotoname', name);
  if (length <= 0) return undefined;
  const end = name.indexOf(0);
  return NAMES.get(name.toString('latin1', 0, end === -1 ? length : end));
}

/** The kernel's `struct proto.name`; the v6 variants are the same protocol to a rule. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['TCP', 'tcp'],
  ['TCPv6', 'tcp'],
  ['MPTCP', 'tcp'],
  ['MPTCPv6', 'tcp'],
  ['UDP', 'udp'],
  ['UDPv6', 'udp'],
  ['UDP-Lite', 'udp'],
  ['UDPLITEv6', 'udp'],
  ['PING', 'icmp'],
  ['PINGv6', 'icmp'],
  ['RAW', 'raw'],
  ['RAWv6', 'raw'],
  ['SCTP', 'sctp'],
  ['SCTPv6', 'sctp'],
]);
