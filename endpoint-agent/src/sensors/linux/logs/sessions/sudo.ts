import type { Meaning } from '../record.ts';

const KEYS: ReadonlySet<string> = new Set(['TTY', 'PWD', 'USER', 'GROUP', 'CHROOT', 'TSID', 'ENV', 'HOST']);
const COMMAND = 'COMMAND=';
const MAX_PARTS = 64;

/**
 * `NAME : [REASON ; ]TTY=... ; PWD=... ; USER=... ; COMMAND=...` (sudo's logging.c). Fields keep sudo's names,
 * since Sigma's rules read those; `User` is who called it and `TargetUser` who it ran as. A folder's name may
 * hold ` ; USER=`: of a key that comes twice the first counts, and `COMMAND` is all that follows its first.
 */
export function interpretSudo(message: string): Meaning | undefined {
  const colon = message.indexOf(' : ');
  const user = message.slice(0, Math.max(colon, 0)).trim();
  if (user === '' || user.includes(' ')) return undefined;
  const text = message.slice(colon + 3);
  const at = text.startsWith(COMMAND) ? 0 : indexBehind(text, ` ; ${COMMAND}`);
  const command = at === undefined ? undefined : text.slice(at).slice(COMMAND.length);
  const parts = (at === undefined ? text : text.slice(0, at)).split(' ; ', MAX_PARTS);
  const said = new Map<string, string>();
  const reasons: string[] = [];
  for (const part of parts) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(equals, 0));
    if (!KEYS.has(key)) {
      if (said.size === 0 && part !== '') reasons.push(part.trim());
    } else if (!said.has(key)) said.set(key, part.slice(equals + 1).trim());
  }
  if (said.size === 0 && command === undefined) return undefined;
  const target = said.get('USER');
  const reason = reasons.join('; ');
  return {
    category: 'authentication',
    fields: {
      EventType: reason === '' ? 'privilege_use' : 'privilege_refused',
      LogonType: 'sudo',
      User: user,
      ...(target ? { TargetUser: target } : {}),
      ...(reason === '' ? {} : { FailureReason: reason }),
      ...Object.fromEntries([...said].filter(([, value]) => value !== '')),
      ...(command ? { COMMAND: command } : {}),
    },
  };
}

function indexBehind(text: string, mark: string): number | undefined {
  const at = text.indexOf(mark);
  return at < 0 ? undefined : at + mark.length - COMMAND.length;
}
