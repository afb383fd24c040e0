import { parseFullTime, parseSyslogTime, type TimeContext } from '../time/parse-timestamp.ts';

export interface SyslogLine {
  readonly time?: number;
  readonly resolution?: number;
  readonly program?: string;
  readonly pid?: number;
  readonly facility?: number;
  readonly message: string;
}

/** `sshd[123]: `, `kernel: `, `postfix/smtpd[9]: `, `(systemd)[7]: `. */
const TAG = /^([^\s:[\]]{1,64})(?:\[(\d{1,10})\])?:(?: |$)/;
/** BusyBox writes facility and level between host and tag. */
const FACILITY_LEVEL = /^([a-z]+[0-7]?)\.[a-z]+ /;
/** RFC 5424 as rsyslog's RSYSLOG_SyslogProtocol23Format writes it: `<38>1 TIME HOST APP PID MSGID DATA MSG`. */
const PROTOCOL_23 = /^<(\d{1,3})>1 (\S{1,64}) \S{1,255} (\S{1,48}) (\S{1,128}) \S{1,32} /;

const FACILITIES: Readonly<Record<string, number>> = {
  kern: 0,
  user: 1,
  daemon: 3,
  auth: 4,
  syslog: 5,
  cron: 9,
  authpriv: 10,
};

/**
 * One line of a syslog file, in rsyslog's traditional and RFC 3339 forms, BusyBox's and RFC 5424's. A line of
 * any other form is a message without time and program.
 */
export function parseSyslogLine(text: string, context: TimeContext): SyslogLine {
  if (text.startsWith('<')) return parseProtocol23(text, context);
  const stamp = parseSyslogTime(text, context);
  if (!stamp) return { message: text };
  const { time, resolution } = stamp;
  // The host's name is in everything that rsyslog writes, and it has no spaces.
  const afterTime = text.slice(stamp.length + 1);
  const hostEnd = afterTime.indexOf(' ');
  if (hostEnd < 0) return { time, resolution, message: afterTime };
  let rest = afterTime.slice(hostEnd + 1);
  const level = FACILITY_LEVEL.exec(rest);
  if (level) rest = rest.slice(level[0].length);
  const facility = level?.[1] === undefined ? undefined : FACILITIES[level[1]];
  return { time, resolution, ...(facility === undefined ? {} : { facility }), ...parseTag(rest) };
}

/** Program, pid and message; a text without a tag is all message. */
function parseTag(text: string): { program?: string; pid?: number; message: string } {
  const tag = TAG.exec(text);
  if (!tag) return { message: text };
  const [whole, program, pid] = tag;
  const message = text.slice(whole.length);
  return { ...(program ? { program } : {}), ...(pid ? { pid: Number(pid) } : {}), message };
}

function parseProtocol23(text: string, context: TimeContext): SyslogLine {
  const match = PROTOCOL_23.exec(text);
  if (!match) return { message: text };
  const [whole, priority = '0', time = '', program, pid = ''] = match;
  const stamp = parseFullTime(time, context);
  return {
    ...(stamp ? { time: stamp.time, resolution: stamp.resolution } : {}),
    ...(program && program !== '-' ? { program } : {}),
    ...(/^\d{1,10}$/.test(pid) ? { pid: Number(pid) } : {}),
    facility: Number(priority) >> 3,
    message: withoutStructuredData(text.slice(whole.length)),
  };
}

/** `-` or `[id name="value" ...]...`, where a value escapes `"`, `\` and `]`. */
function withoutStructuredData(text: string): string {
  if (text.startsWith('-')) return text.slice(2);
  let position = 0;
  let isQuoted = false;
  let isOpen = false;
  for (; position < text.length; position += 1) {
    const character = text[position];
    if (isQuoted && character === '\\') position += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && character === '[') isOpen = true;
    else if (!isQuoted && character === ']') isOpen = false;
    else if (!isOpen) break;
  }
  return text.slice(position).trimStart();
}
