import type { InventoryItem } from '@yagura/protocol';
import { factsOf } from '../facts.ts';
import type { InventoryReader } from '../inventory-reader.ts';
import { readText } from './read-text.ts';
import { readSudoRights, type SudoRights } from './sudo-rights.ts';

const MAX_ACCOUNTS = 5_000;
/** Shells that end a login at once. */
const NO_LOGIN = /\/(?:nologin|false|sync|halt|shutdown)$/;

interface Group {
  readonly name: string;
  readonly id: number;
  readonly members: readonly string[];
}

/** Local users with what they may do, and groups: passwd(5), group(5), sudoers(5). */
export const readAccounts: InventoryReader = (root) => {
  const groups = parseGroups(readText(`${root}/etc/group`));
  const rights = readSudoRights(root);
  const users = readText(`${root}/etc/passwd`)
    .split('\n')
    .flatMap((line) => userItem(line, groups, rights))
    .slice(0, MAX_ACCOUNTS);
  const groupItems = groups.slice(0, MAX_ACCOUNTS).map(
    ({ name, id, members }): InventoryItem => ({
      category: 'group',
      key: name.slice(0, 256),
      facts: factsOf({ id, members: members.join(' ') }),
    }),
  );
  return [...users, ...groupItems];
};

function userItem(line: string, groups: readonly Group[], rights: SudoRights): InventoryItem[] {
  const [name, , uid, gid, comment, home, shell] = line.split(':');
  if (!name || !uid || !/^\d{1,10}$/.test(uid) || !gid || !/^\d{1,10}$/.test(gid)) return [];
  const own = groups.filter((group) => group.id === Number(gid) || group.members.includes(name));
  const sudo = rights.of(
    name,
    Number(uid),
    own.map((group) => group.name),
  );
  const facts = factsOf({
    id: Number(uid),
    fullName: comment?.split(',')[0],
    home,
    shell: shell || '/bin/sh',
    mayLogIn: !NO_LOGIN.test(shell ?? ''),
    isSuperuser: uid === '0' || undefined,
    sudo,
    groups: own.map((group) => group.name).join(' '),
  });
  return [{ category: 'user', key: name.slice(0, 256), facts }];
}

function parseGroups(text: string): Group[] {
  return text.split('\n').flatMap((line) => {
    const [name, , id, members = ''] = line.split(':');
    if (!name || !id || !/^\d{1,10}$/.test(id)) return [];
    return [{ name, id: Number(id), members: members.split(',').filter((member) => member !== '') }];
  });
}
