import type { Meaning } from '../record.ts';
import { interpretAccounts } from './accounts.ts';
import { interpretCron } from './cron.ts';
import { interpretLogin, interpretLogind, interpretSu } from './logins.ts';
import { interpretPam } from './pam.ts';
import { interpretSshd } from './sshd.ts';
import { interpretSudo } from './sudo.ts';

type Interpreter = (message: string) => Meaning | undefined;

const BY_PROGRAM: ReadonlyMap<string, Interpreter> = new Map<string, Interpreter>([
  ['sshd', interpretSshd],
  ['sshd-session', interpretSshd],
  ['sshd-auth', interpretSshd],
  ['sudo', interpretSudo],
  ['su', interpretSu],
  ['login', interpretLogin],
  ['systemd-logind', interpretLogind],
  ['cron', interpretCron],
  ['crond', interpretCron],
  ['crontab', interpretCron],
  ['anacron', interpretCron],
  ['useradd', interpretAccounts],
  ['adduser', interpretAccounts],
  ['usermod', interpretAccounts],
  ['userdel', interpretAccounts],
  ['gpasswd', interpretAccounts],
]);

/** What a line of an authentication or cron log says, for the programs that are known; never throws. */
export function interpret(program: string | undefined, message: string): Meaning | undefined {
  if (program === undefined) return undefined;
  const own = BY_PROGRAM.get(program.toLowerCase())?.(message);
  return own ?? interpretPam(message);
}
