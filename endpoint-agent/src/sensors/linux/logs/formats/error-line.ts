import type { ServiceLine } from '../record.ts';
import { parseApacheTime, parseSlashTime, type TimeContext } from '../time/parse-timestamp.ts';

/** `2026/11/24 20:33:01 [error] 123#123: *5 message`. */
const NGINX = /^ \[([a-z]{1,16})\] (\d{1,10})#\d{1,10}: (?:\*\d+ )?/;
/** `[core:error] [pid 12:tid 34] [client 192.0.2.1:5555] message`. */
const APACHE = /^ \[(?:[\w-]{0,64}:)?([a-z0-9]{1,16})\](?: \[pid (\d{1,10})(?::tid \d{1,20})?\])?/;
const APACHE_CLIENT = /^ \[client ([0-9A-Fa-f:.]{2,45}?)(?::(\d{1,5}))?\]/;

/** No client's address is taken from these: it stands behind text that the client chose. */
export function parseNginxError(text: string, context: TimeContext): ServiceLine | undefined {
  const stamp = parseSlashTime(text, context);
  const head = stamp && NGINX.exec(text.slice(stamp.length));
  if (!stamp || !head) return undefined;
  const [whole, level, pid] = head;
  const { time, resolution, length } = stamp;
  return {
    time,
    resolution,
    service: 'nginx',
    fields: {
      Message: text.slice(length + whole.length),
      ProcessName: 'nginx',
      ProcessId: Number(pid),
      ...(level ? { Level: level } : {}),
    },
  };
}

export function parseApacheError(text: string, context: TimeContext): ServiceLine | undefined {
  const stamp = parseApacheTime(text, context);
  const head = stamp && APACHE.exec(text.slice(stamp.length));
  if (!stamp || !head) return undefined;
  const { time, resolution } = stamp;
  let rest = text.slice(stamp.length + head[0].length);
  const client = APACHE_CLIENT.exec(rest);
  if (client) rest = rest.slice(client[0].length);
  return {
    time,
    resolution,
    service: 'apache',
    fields: {
      Message: rest.trimStart(),
      ProcessName: 'apache2',
      ...(head[1] ? { Level: head[1] } : {}),
      ...(head[2] ? { ProcessId: Number(head[2]) } : {}),
      ...(client?.[1] ? { SourceIp: client[1] } : {}),
      ...(client?.[2] ? { SourcePort: Number(client[2]) } : {}),
    },
  };
}
