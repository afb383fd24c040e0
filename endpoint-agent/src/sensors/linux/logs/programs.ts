import type { LogService, Writer } from './record.ts';

/** Programs with a service of their own in Sigma's terms. */
const SERVICES: ReadonlyMap<string, LogService> = new Map([
  ['sshd', 'sshd'],
  ['sshd-session', 'sshd'],
  ['sshd-auth', 'sshd'],
  ['sudo', 'sudo'],
  ['cron', 'cron'],
  ['crond', 'cron'],
  ['crontab', 'cron'],
  ['anacron', 'cron'],
  ['clamd', 'clamav'],
  ['clamav', 'clamav'],
  ['clamscan', 'clamav'],
  ['freshclam', 'clamav'],
  ['vsftpd', 'vsftpd'],
  ['guacd', 'guacamole'],
  ['guacamole', 'guacamole'],
]);

/** Programs that write to the authentication log, where neither a facility nor a file says so. */
const AUTH_PROGRAMS: ReadonlySet<string> = new Set([
  'su',
  'login',
  'systemd-logind',
  'polkitd',
  'pkexec',
  'passwd',
  'chpasswd',
  'chage',
  'chsh',
  'chfn',
  'useradd',
  'adduser',
  'usermod',
  'userdel',
  'groupadd',
  'groupmod',
  'groupdel',
  'gpasswd',
  'newgrp',
  'doas',
  'unix_chkpwd',
]);

/** Facilities of RFC 3164. */
const CRON_FACILITY = 9;
const AUTH_FACILITIES: ReadonlySet<number> = new Set([4, 10]);

/** Sigma's service of a line in a shared log; `fileService` is what the file's name says. */
export function serviceOf(
  program: string | undefined,
  facility: number | undefined,
  fileService: LogService | undefined,
): LogService {
  const name = program?.toLowerCase();
  const own = name === undefined ? undefined : SERVICES.get(name);
  if (own !== undefined) return own;
  if (name !== undefined && AUTH_PROGRAMS.has(name)) return 'auth';
  if (facility === CRON_FACILITY) return 'cron';
  if (facility !== undefined && AUTH_FACILITIES.has(facility)) return 'auth';
  return fileService ?? 'syslog';
}

/** The programs whose lines are believed when they speak of logons, by the name that they log under. */
const IMAGES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['sshd', new Set(['sshd', 'sshd-session', 'sshd-auth'])],
  ['sshd-session', new Set(['sshd-session'])],
  ['sshd-auth', new Set(['sshd-auth'])],
  ['sudo', new Set(['sudo', 'sudo-rs'])],
  ['cron', new Set(['cron', 'crond'])],
  ['crond', new Set(['crond'])],
  ...['su', 'login', 'systemd-logind', 'crontab', 'pkexec', 'passwd', 'chpasswd'].map(named),
  ...['useradd', 'usermod', 'userdel', 'groupadd', 'groupdel', 'gpasswd', 'polkitd'].map(named),
]);

function named(name: string): [string, ReadonlySet<string>] {
  return [name, new Set([name])];
}

const SYSTEM_FOLDERS = /^\/(?:usr\/(?:local\/)?)?(?:bin|sbin|lib|lib64|libexec)\//;

/** Whether a program file is one that logs under this name. For names that nobody lists: any. */
export function isImageOf(program: string, image: string): boolean {
  const images = IMAGES.get(program.toLowerCase());
  if (images === undefined) return true;
  const path = image.endsWith(' (deleted)') ? image.slice(0, -' (deleted)'.length) : image;
  return SYSTEM_FOLDERS.test(path) && !path.includes('/../') && images.has(path.slice(path.lastIndexOf('/') + 1));
}

/** Whether the name is one that only certain programs may log under. */
export function isGuardedName(program: string): boolean {
  return IMAGES.has(program.toLowerCase());
}

/**
 * Whether a line's writer is the program that it names. journald asks the kernel who sends; a process that was
 * gone before journald could look has a user at least, and these programs run as root.
 */
export function isGenuine(program: string, writer: Writer): boolean {
  if (!isGuardedName(program)) return true;
  return writer.exe === undefined ? writer.uid === 0 : isImageOf(program, writer.exe);
}
