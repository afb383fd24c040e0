import type { EventFields } from '@yagura/protocol';

/** Sigma's services of Linux that the logs of this machine are told apart by; a closed list. */
export const LOG_SERVICES = [
  'auth',
  'sshd',
  'sudo',
  'cron',
  'syslog',
  'clamav',
  'vsftpd',
  'guacamole',
  'nginx',
  'apache',
  'postgresql',
  'mysql',
] as const;
export type LogService = (typeof LOG_SERVICES)[number];

/** What the kernel or journald vouch for about whoever wrote a line. Nobody can claim these for another. */
export interface Writer {
  readonly pid?: number;
  readonly uid?: number;
  readonly comm?: string;
  readonly exe?: string;
}

/** One line of a log with the name of a program, before it is known what it means. Texts are clean. */
export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Milliseconds by which the event may be later than `time`. */
  readonly resolution: number;
  /** Milliseconds since boot, where the source has it. */
  readonly bootTime?: number;
  /** As the line says; any local program can write any name. */
  readonly program?: string;
  /** As the line says. */
  readonly pid?: number;
  /** Syslog's facility, 0 to 23. */
  readonly facility?: number;
  readonly message: string;
  /** Present when the source knows who wrote it. */
  readonly writer?: Writer;
}

/** What a line was understood to say. */
export interface Meaning {
  /** Present for logons, logoffs and rights taken. */
  readonly category?: 'authentication';
  readonly fields: EventFields;
}

/** A line of a program's own log file: its service is known by the file, and it names no program. */
export interface ServiceLine {
  readonly time: number;
  readonly resolution: number;
  readonly service: LogService;
  readonly category?: 'authentication' | 'webserver';
  readonly fields: EventFields;
}
