import type { EventFields } from '@yagura/protocol';
import type { Meaning } from '../record.ts';

/** What the tools of the `shadow` package say of accounts and groups (useradd.c, usermod.c, gpasswd.c ...). */
export function interpretAccounts(message: string): Meaning | undefined {
  return newUser(message) ?? groupMembers(message) ?? removed(message);
}

/** `new user: name=taro, UID=1001, GID=1001, home=/home/taro, shell=/bin/bash, from=/dev/pts/1`. */
function newUser(message: string): Meaning | undefined {
  const match =
    /^new user: name=([^,]{1,256}), UID=(\d{1,10}), GID=(\d{1,10})(?:, home=([^,]{1,4096}))?(?:, shell=([^,]{1,4096}))?/.exec(
      message,
    );
  if (!match) return undefined;
  const [, user = '', uid, gid, home, shell] = match;
  return change('user_created', {
    TargetUser: user,
    TargetUserId: Number(uid),
    TargetGroupId: Number(gid),
    ...(home ? { Home: home } : {}),
    ...(shell ? { Shell: shell } : {}),
  });
}

/** usermod: `add 'taro' to group 'sudo'` (and `shadow group`); gpasswd: `user taro added by root to group sudo`. */
function groupMembers(message: string): Meaning | undefined {
  const byUsermod = /^(add|delete) '(.{1,256})' (?:to|from) (?:shadow )?group '([^']{1,256})'$/.exec(message);
  if (byUsermod) {
    const [, act, user = '', group = ''] = byUsermod;
    return change(act === 'add' ? 'group_member_added' : 'group_member_removed', {
      TargetUser: user,
      TargetGroup: group,
    });
  }
  const byGpasswd = /^user (\S{1,256}) (added|removed) by (\S{1,256}) (?:to|from) group (\S{1,256})$/.exec(message);
  if (!byGpasswd) return undefined;
  const [, user = '', act, by = '', group = ''] = byGpasswd;
  return change(act === 'added' ? 'group_member_added' : 'group_member_removed', {
    TargetUser: user,
    TargetGroup: group,
    SubjectUser: by,
  });
}

function removed(message: string): Meaning | undefined {
  const user = /^delete user '(.{1,256})'$/.exec(message)?.[1];
  return user === undefined ? undefined : change('user_deleted', { TargetUser: user });
}

function change(kind: string, fields: EventFields): Meaning {
  return { fields: { EventType: 'account_changed', Change: kind, ...fields } };
}
