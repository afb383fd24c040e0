import { parseAccessLine } from './formats/access-line.ts';
import { parseMysqlLine, parsePostgresqlLine } from './formats/database-line.ts';
import { parseApacheError, parseNginxError } from './formats/error-line.ts';
import type { LogService, ServiceLine } from './record.ts';
import type { TimeContext } from './time/parse-timestamp.ts';

/** How the lines of a file are read. */
export type LineFormat =
  | { readonly kind: 'syslog' }
  | { readonly kind: 'service'; readonly parse: (text: string, context: TimeContext) => ServiceLine | undefined };

/** A kind of log file: where it lies on the systems that we know, and what its lines are. */
export interface LogFileKind {
  /** In health and messages. */
  readonly name: string;
  readonly service: LogService;
  /** A folder and a pattern for names in it; `*` stands for any characters but `/`. */
  readonly places: readonly string[];
  readonly format: LineFormat;
  /** journald has the same lines, with the writer's identity from the kernel. */
  readonly isInJournal: boolean;
}

const SYSLOG: LineFormat = { kind: 'syslog' };
const service = (parse: (text: string, context: TimeContext) => ServiceLine | undefined): LineFormat => ({
  kind: 'service',
  parse,
});

/** Most telling first: this is the order in which they are read. */
export const LOG_FILES: readonly LogFileKind[] = [
  {
    name: 'authentication',
    service: 'auth',
    places: ['/var/log/auth.log', '/var/log/secure', '/var/log/authlog'],
    format: SYSLOG,
    isInJournal: true,
  },
  {
    name: 'cron',
    service: 'cron',
    places: ['/var/log/cron.log', '/var/log/cron'],
    format: SYSLOG,
    isInJournal: true,
  },
  {
    name: 'syslog',
    service: 'syslog',
    places: ['/var/log/syslog', '/var/log/messages'],
    format: SYSLOG,
    isInJournal: true,
  },
  {
    name: 'nginx access',
    service: 'nginx',
    places: ['/var/log/nginx/*access*.log', '/var/log/nginx/*.access_log'],
    format: service((text) => parseAccessLine(text, 'nginx')),
    isInJournal: false,
  },
  {
    name: 'nginx error',
    service: 'nginx',
    places: ['/var/log/nginx/*error*.log', '/var/log/nginx/*.error_log'],
    format: service(parseNginxError),
    isInJournal: false,
  },
  {
    name: 'apache access',
    service: 'apache',
    places: [
      '/var/log/apache2/*access*.log',
      '/var/log/apache2/*access_log',
      '/var/log/httpd/*access_log',
      '/var/log/httpd/*access*.log',
    ],
    format: service((text) => parseAccessLine(text, 'apache')),
    isInJournal: false,
  },
  {
    name: 'apache error',
    service: 'apache',
    places: [
      '/var/log/apache2/*error*.log',
      '/var/log/apache2/*error_log',
      '/var/log/httpd/*error_log',
      '/var/log/httpd/*error*.log',
    ],
    format: service(parseApacheError),
    isInJournal: false,
  },
  {
    name: 'postgresql',
    service: 'postgresql',
    places: [
      '/var/log/postgresql/*.log',
      '/var/lib/pgsql/data/log/*.log',
      '/var/lib/pgsql/*/data/log/*.log',
      '/var/lib/postgresql/data/log/*.log',
    ],
    format: service(parsePostgresqlLine),
    isInJournal: false,
  },
  {
    name: 'mysql',
    service: 'mysql',
    places: [
      '/var/log/mysql/*error*.log',
      '/var/log/mysqld.log',
      '/var/log/mysql.err',
      '/var/log/mariadb/*.log',
      '/var/lib/mysql/*.err',
    ],
    format: service(parseMysqlLine),
    isInJournal: false,
  },
];
