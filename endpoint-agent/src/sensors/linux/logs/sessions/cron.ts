import type { Meaning } from '../record.ts';

const LINE = /^\(([^)]{1,256})\) (CMD|RELOAD|REPLACE|BEGIN EDIT|END EDIT|LIST|DELETE|ORPHAN|AUTH) \((.*)\)$/s;

/** Vixie cron's and cronie's `(USER) ACTION (DETAIL)`. Jobs are too many to be called sessions. */
export function interpretCron(message: string): Meaning | undefined {
  const match = LINE.exec(message);
  if (!match) return undefined;
  const [, user = '', action = '', detail = ''] = match;
  const text = detail.trim();
  return {
    fields: {
      User: user,
      Action: action,
      ...(action === 'CMD' && text !== '' ? { CommandLine: text } : {}),
      ...(action !== 'CMD' && text !== '' && text !== user ? { TargetUser: text } : {}),
    },
  };
}
