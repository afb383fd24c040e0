import type { EventFields } from '@yagura/protocol';
import type { ServiceLine } from '../record.ts';
import { parseFullTime, type TimeContext } from '../time/parse-timestamp.ts';

/** Debian's `log_line_prefix` (`%m [%p] %q%u@%d `) and PostgreSQL's own default (`%m [%p] `). */
const POSTGRESQL = /^ \[(\d{1,10})\] (?:(\S{1,63})@(\S{1,63}) )?([A-Z]{3,9}\d?): {1,2}/;
const POSTGRESQL_REFUSED =
  /^(?:password|peer|ident|GSSAPI|LDAP|PAM|certificate|SCRAM) ?authentication failed for user "(.*)"$/i;
const POSTGRESQL_NO_ROLE = /^role "(.*)" does not exist$/;
/** MySQL 5.7 and later (`10 [Note] [MY-010914] [Server] `) and MariaDB (`10 [Warning] `). */
const MYSQL = /^ {1,3}(\d{1,20}) \[([A-Z][A-Za-z]{2,9})\] (?:\[MY-\d{6}\] \[[A-Za-z]{1,32}\] )?/;
const MYSQL_DENIED = /^Access denied for user '(.*)'@'([^']{1,255})' \(using password: (?:YES|NO)\)$/;
const ADDRESS = /^[0-9A-Fa-f:.]{2,45}$/;

const REFUSED: EventFields = { EventType: 'logon_failure', LogonType: 'database' };

export function parsePostgresqlLine(text: string, context: TimeContext): ServiceLine | undefined {
  const stamp = parseFullTime(text, context);
  const head = stamp && POSTGRESQL.exec(text.slice(stamp.length));
  if (!stamp || !head) return undefined;
  const [whole, pid, user, database, level] = head;
  const message = text.slice(stamp.length + whole.length);
  const refused = level === 'FATAL' ? (POSTGRESQL_REFUSED.exec(message) ?? POSTGRESQL_NO_ROLE.exec(message)) : null;
  return {
    time: stamp.time,
    resolution: stamp.resolution,
    service: 'postgresql',
    ...(refused ? { category: 'authentication' } : {}),
    fields: {
      Message: message,
      ProcessName: 'postgres',
      ProcessId: Number(pid),
      ...(level ? { Level: level } : {}),
      ...(user && user !== '[unknown]' ? { User: user } : {}),
      ...(database && database !== '[unknown]' ? { Database: database } : {}),
      ...(refused?.[1] ? { ...REFUSED, User: refused[1] } : {}),
    },
  };
}

export function parseMysqlLine(text: string, context: TimeContext): ServiceLine | undefined {
  const stamp = parseFullTime(text, context);
  const head = stamp && MYSQL.exec(text.slice(stamp.length));
  if (!stamp || !head) return undefined;
  const message = text.slice(stamp.length + head[0].length);
  const denied = MYSQL_DENIED.exec(message);
  const from = denied?.[2];
  return {
    time: stamp.time,
    resolution: stamp.resolution,
    service: 'mysql',
    ...(denied ? { category: 'authentication' } : {}),
    fields: {
      Message: message,
      ProcessName: 'mysqld',
      ...(head[2] ? { Level: head[2] } : {}),
      ...(denied ? REFUSED : {}),
      ...(denied?.[1] ? { User: denied[1] } : {}),
      ...(from ? (ADDRESS.test(from) ? { SourceIp: from } : { SourceHost: from }) : {}),
    },
  };
}
