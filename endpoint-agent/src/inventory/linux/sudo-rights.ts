import { namesIn, readText } from './read-text.ts';

/** `all` commands as root, or `some`; `...-without-password` when no password is asked for any of them. */
export type SudoRight = 'all' | 'some' | 'all-without-password' | 'some-without-password';

export interface SudoRights {
  of(user: string, uid: number, groups: readonly string[]): SudoRight | undefined;
}

interface Grant {
  readonly right: SudoRight;
  matches(user: string, uid: number, groups: readonly string[]): boolean;
}

const MAX_FILES = 256;
const MAX_DEPTH = 8;
const ORDER: readonly SudoRight[] = ['some', 'some-without-password', 'all', 'all-without-password'];

/**
 * What sudoers(5) grants, in short: aliases are followed, commands are not compared, and of several grants the
 * widest counts. Refusals (`!command`) make `all` no less: sudo's manual says itself that they do not hold.
 */
export function readSudoRights(root: string): SudoRights {
  const lines = readSudoers(root, '/etc/sudoers', 0);
  const aliases = new Map<string, string[]>();
  for (const line of lines) {
    const alias = /^User_Alias\s+(.*)$/.exec(line)?.[1];
    for (const definition of alias?.split(/\s*:\s*(?=[A-Z])/) ?? []) {
      const [name, members] = definition.split('=', 2);
      if (name && members)
        aliases.set(
          name.trim(),
          members.split(',').map((member) => member.trim()),
        );
    }
  }
  const grants = lines.flatMap((line) => grantOf(line, aliases));
  return {
    of(user, uid, groups) {
      const rights = grants.filter((grant) => grant.matches(user, uid, groups)).map(({ right }) => right);
      return rights.sort((a, b) => ORDER.indexOf(b) - ORDER.indexOf(a))[0];
    },
  };
}

/** Logical lines of a file and of those that it includes. */
function readSudoers(root: string, path: string, depth: number): string[] {
  if (depth > MAX_DEPTH) return [];
  const lines: string[] = [];
  for (const raw of readText(root + path)
    .replaceAll('\\\n', ' ')
    .split('\n')) {
    const included = /^\s*[#@]include\s+"?([^"]+?)"?\s*$/.exec(raw)?.[1];
    const folder = /^\s*[#@]includedir\s+"?([^"]+?)"?\s*$/.exec(raw)?.[1];
    if (included) lines.push(...readSudoers(root, absolute(included), depth + 1));
    else if (folder) {
      // sudo passes over names with a dot or a tilde at the end.
      const names = namesIn(root + absolute(folder)).filter((name) => !name.includes('.') && !name.endsWith('~'));
      for (const name of names.slice(0, MAX_FILES))
        lines.push(...readSudoers(root, `${absolute(folder)}/${name}`, depth + 1));
    } else {
      const line = raw.replace(/(?<!\\)#(?!\d).*$/, '').trim();
      if (line !== '') lines.push(line);
    }
  }
  return lines;
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/etc/${path}`;
}

/** `user, %group HOST = (runas) TAG: command, command`. */
function grantOf(line: string, aliases: ReadonlyMap<string, readonly string[]>): Grant[] {
  if (/^(?:Defaults|User_Alias|Runas_Alias|Host_Alias|Cmnd_Alias|Cmd_Alias)\b/.test(line)) return [];
  const equals = line.indexOf('=');
  const who = /^(.+?)\s+\S+(?:\s*,\s*\S+)*\s*$/.exec(line.slice(0, equals))?.[1];
  if (equals < 0 || who === undefined) return [];
  const what = line.slice(equals + 1);
  const isAll = /(?:^|[\s:,)])ALL\s*(?:,|$)/.test(what.replaceAll(/\([^)]*\)/g, ' '));
  const isFree = /\bNOPASSWD\s*:/.test(what) && !/\bPASSWD\s*:/.test(what.replaceAll('NOPASSWD', ''));
  const right: SudoRight = `${isAll ? 'all' : 'some'}${isFree ? '-without-password' : ''}`;
  const names = who.split(',').flatMap((name) => aliases.get(name.trim()) ?? [name.trim()]);
  return [
    {
      right,
      matches: (user, uid, groups) =>
        names.some((name) => {
          if (name === 'ALL' || name === user || name === `#${uid}`) return true;
          return name.startsWith('%') && groups.includes(name.slice(1));
        }),
    },
  ];
}
