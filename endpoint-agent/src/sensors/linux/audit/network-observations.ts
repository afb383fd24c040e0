import type { AuditEvent } from './event-assembler.ts';
import { type Fields, type Make, optional } from './fields.ts';
import type { AuditContext, AuditObservation } from './observations.ts';
import { decimal, hexadecimal, type RecordFields } from './record.ts';
import { decodeSocketAddress } from './socket-address.ts';
import { meaningOf } from './syscalls.ts';

/** `logsource.service` of sockets that begin or cease to wait for connections. */
export const SOCKET_SERVICE = 'listening_socket';

/** What connect answers for streams only: EINPROGRESS, ECONNREFUSED, ETIMEDOUT, ECONNRESET. */
const TCP_ONLY_RESULTS: ReadonlySet<number> = new Set([-115, -111, -110, -104]);
/** Repeated calls on a socket that is connecting or connected: EALREADY, EISCONN. */
const REPEATED_CONNECT: ReadonlySet<number> = new Set([-114, -106]);
const URING_CONNECT = 16;

/** One call that opens, takes, offers or uses a connection. */
export function network(
  event: AuditEvent,
  call: RecordFields,
  meaning: 'connect' | 'send' | 'accept' | 'listen',
  pid: number,
  base: Fields,
  context: AuditContext,
  make: Make,
): AuditObservation | undefined {
  // The descriptors of a socketcall lie in the caller's memory.
  const isDirect = meaningOf(hexadecimal(call.get('arch')) ?? 0, decimal(call.get('syscall')) ?? -1) !== 'socketcall';
  const fd = isDirect ? hexadecimal(call.get('a0')) : undefined;
  if (meaning === 'accept') return accepted(call, pid, base, context, make);
  if (meaning === 'listen') return listening(fd, pid, base, context, make);
  const address = decodeSocketAddress(event.socketAddress?.get('saddr'));
  const result = decimal(call.get('exit')) ?? 0;
  if (!address || REPEATED_CONNECT.has(result)) return undefined;
  // Only a stream can be under way or be refused at once; else the socket itself is asked.
  const isStream = meaning === 'connect' && TCP_ONLY_RESULTS.has(result);
  const protocol = isStream ? 'tcp' : fd === undefined ? undefined : context.socketProtocol(pid, fd);
  // Whoever asks which of its addresses leads there names port 0 and sends nothing.
  if (address.port === 0 && protocol !== 'raw' && protocol !== 'icmp') return undefined;
  const isQuery = address.port === 53 && protocol !== 'tcp' && fd !== undefined;
  const local = isQuery ? context.socketNames(pid, fd)?.local : undefined;
  return make(
    { category: 'network_connection' },
    {
      ...base,
      ...optional('SourcePort', local?.port === 0 ? undefined : local?.port),
      DestinationIp: address.ip,
      DestinationPort: address.port,
      DestinationIsIpv6: address.ip.includes(':'),
      Initiated: 'true',
      ...optional('Protocol', protocol),
    },
  );
}

/** As Sysmon tells it: the source is who began the connection. */
function accepted(
  call: RecordFields,
  pid: number,
  base: Fields,
  context: AuditContext,
  make: Make,
): AuditObservation | undefined {
  const fd = decimal(call.get('exit'));
  const names = fd === undefined || fd < 0 ? undefined : context.socketNames(pid, fd);
  if (!names?.peer || !names.local) return undefined;
  return make(
    { category: 'network_connection' },
    {
      ...base,
      SourceIp: names.peer.ip,
      SourcePort: names.peer.port,
      SourceIsIpv6: names.peer.ip.includes(':'),
      DestinationIp: names.local.ip,
      DestinationPort: names.local.port,
      DestinationIsIpv6: names.local.ip.includes(':'),
      Initiated: 'false',
      Protocol: 'tcp',
    },
  );
}

function listening(
  fd: number | undefined,
  pid: number,
  base: Fields,
  context: AuditContext,
  make: Make,
): AuditObservation | undefined {
  const local = fd === undefined ? undefined : context.socketNames(pid, fd)?.local;
  if (!local) return undefined;
  return make(
    { service: SOCKET_SERVICE },
    { ...base, EventType: 'socket_listening', LocalIp: local.ip, LocalPort: local.port, Protocol: 'tcp' },
  );
}

/** A connect or send that went through an io_uring; the record names no program, the process table does. */
export function uringNetwork(
  event: AuditEvent,
  uring: RecordFields,
  base: Fields,
  make: Make,
): AuditObservation | undefined {
  const address = decodeSocketAddress(event.socketAddress?.get('saddr'));
  if (!address || address.port === 0 || REPEATED_CONNECT.has(decimal(uring.get('exit')) ?? 0)) return undefined;
  const isStream = TCP_ONLY_RESULTS.has(decimal(uring.get('exit')) ?? 0);
  return make(
    { category: 'network_connection' },
    {
      ...base,
      DestinationIp: address.ip,
      DestinationPort: address.port,
      DestinationIsIpv6: address.ip.includes(':'),
      Initiated: 'true',
      ...(isStream && decimal(uring.get('uring_op')) === URING_CONNECT ? { Protocol: 'tcp' } : {}),
      Through: 'io_uring',
    },
  );
}
