import type { Meaning } from '../record.ts';

/** ` from ADDRESS port N` at the end of what remains once `ssh2` and the key are off. */
const ORIGIN = /^(\S{1,255}) port (\d{1,5})$/;
const ADDRESS = /^[0-9A-Fa-f:.]{2,45}(?:%[\w.-]{1,32})?$/;
const ACCEPTED = /^Accepted (\S{1,64}) for /;
const FAILED = /^Failed (\S{1,64}) for (invalid user |illegal user )?/;
/** `: ED25519 SHA256:...` behind `ssh2`. The name before it cannot hold this: it is followed by ` from `. */
const KEY = /^(.* ssh2): [\w@.-]{1,64} ((?:SHA256|MD5):[A-Za-z0-9+/:=]{16,128})$/s;

/**
 * What OpenSSH's server says of logons (auth.c, auth2.c, packet.c of OpenSSH 5 to 10). Users' names come from
 * the other side and may hold ` from 192.0.2.1 port 22`: the origin is read from the end of the line.
 */
export function interpretSshd(message: string): Meaning | undefined {
  return (
    accepted(message) ??
    failed(message) ??
    simple(message, 'Invalid user ', 'unknown_user') ??
    simple(message, 'Disconnected from user ', 'logoff', ' ') ??
    refused(message) ??
    exceeded(message)
  );
}

function accepted(message: string): Meaning | undefined {
  const head = ACCEPTED.exec(message);
  if (!head) return undefined;
  const key = KEY.exec(message);
  const where = originOf((key?.[1] ?? message).slice(head[0].length), ' from ');
  if (!where) return undefined;
  return meaning({
    EventType: 'logon',
    AuthenticationMethod: head[1],
    ...where,
    ...(key ? { KeyFingerprint: key[2] } : {}),
  });
}

function failed(message: string): Meaning | undefined {
  const head = FAILED.exec(message);
  if (!head) return undefined;
  const where = originOf((KEY.exec(message)?.[1] ?? message).slice(head[0].length), ' from ');
  if (!where) return undefined;
  return meaning({
    EventType: 'logon_failure',
    AuthenticationMethod: head[1],
    ...where,
    ...(head[2] ? { FailureReason: 'unknown_user' } : {}),
  });
}

function simple(message: string, start: string, eventType: string, separator = ' from '): Meaning | undefined {
  if (!message.startsWith(start)) return undefined;
  const where = originOf(message.slice(start.length), separator);
  return where && meaning({ EventType: eventType, ...where });
}

/** `User NAME from HOST not allowed because REASON`, `ROOT LOGIN REFUSED FROM HOST [port N]`. */
function refused(message: string): Meaning | undefined {
  const root = /^ROOT LOGIN REFUSED FROM (\S{1,255})(?: port (\d{1,5}))?$/.exec(message);
  if (root) {
    const [, host = '', port] = root;
    return meaning({
      EventType: 'logon_failure',
      User: 'root',
      ...originFields(host, port),
      FailureReason: 'not_allowed',
    });
  }
  const because = message.startsWith('User ') ? message.lastIndexOf(' not allowed because ') : -1;
  const from = because < 0 ? -1 : message.lastIndexOf(' from ', because);
  if (from < 'User '.length) return undefined;
  const host = message.slice(from + ' from '.length, because);
  return meaning({
    EventType: 'logon_failure',
    User: message.slice('User '.length, from),
    ...originFields(host, undefined),
    FailureReason: 'not_allowed',
  });
}

/** `error: maximum authentication attempts exceeded for [invalid user ]NAME from ADDRESS port N ssh2 [preauth]`. */
function exceeded(message: string): Meaning | undefined {
  const match = /^(?:error: )?maximum authentication attempts exceeded for (?:invalid user )?/.exec(message);
  const where = match && originOf(message.slice(match[0].length).replace(/ \[preauth\]$/, ''), ' from ');
  return where ? meaning({ EventType: 'attempts_exceeded', ...where }) : undefined;
}

/** `NAME<separator>ADDRESS port N[ ssh2]`, read from the end. */
function originOf(text: string, separator: string): Record<string, string | number> | undefined {
  const rest = text.endsWith(' ssh2') ? text.slice(0, -' ssh2'.length) : text;
  // Versions before 7.5 say only the address of an invalid user.
  const portAt = rest.lastIndexOf(' port ');
  const split = rest.lastIndexOf(separator, portAt < 0 ? rest.length : portAt - 1);
  if (split < 0) return undefined;
  const tail = rest.slice(split + separator.length);
  const user = rest.slice(0, split);
  const named = user === '' ? {} : { User: user };
  const origin = ORIGIN.exec(tail);
  if (origin) return { ...named, ...originFields(origin[1] ?? '', origin[2]) };
  return ADDRESS.test(tail) ? { ...named, ...originFields(tail, undefined) } : undefined;
}

function originFields(host: string, port: string | undefined): Record<string, string | number> {
  return {
    ...(ADDRESS.test(host) ? { SourceIp: host } : { SourceHost: host }),
    ...(port === undefined ? {} : { SourcePort: Number(port) }),
  };
}

function meaning(fields: Record<string, string | number | undefined>): Meaning {
  const known = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { category: 'authentication', fields: { ...Object.fromEntries(known), LogonType: 'ssh' } };
}
