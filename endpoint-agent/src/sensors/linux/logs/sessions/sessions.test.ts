import { describe, expect, test } from 'vitest';
import { interpret } from './interpret.ts';

const KEY = 'ED25519 SHA256:Xd0n3kQ7h2uW1r9yq8w7e6r5t4y3u2i1o0pASDFGHJK';

describe('sshd', () => {
  test.each([
    [
      'Accepted password for root from 192.0.2.9 port 5522 ssh2',
      {
        EventType: 'logon',
        AuthenticationMethod: 'password',
        User: 'root',
        SourceIp: '192.0.2.9',
        SourcePort: 5522,
        LogonType: 'ssh',
      },
    ],
    [
      `Accepted publickey for taro from 2001:db8::9 port 40022 ssh2: ${KEY}`,
      { EventType: 'logon', User: 'taro', SourceIp: '2001:db8::9', KeyFingerprint: KEY.slice(8) },
    ],
    [
      'Accepted keyboard-interactive/pam for taro from 192.0.2.9 port 1 ssh2',
      { AuthenticationMethod: 'keyboard-interactive/pam' },
    ],
    ['Failed password for taro from 192.0.2.9 port 5522 ssh2', { EventType: 'logon_failure', User: 'taro' }],
    [
      'Failed password for invalid user admin from 192.0.2.9 port 5522 ssh2',
      { EventType: 'logon_failure', User: 'admin', FailureReason: 'unknown_user' },
    ],
    [
      'Failed none for invalid user  from 192.0.2.9 port 5522 ssh2',
      { EventType: 'logon_failure', SourceIp: '192.0.2.9' },
    ],
    ['Invalid user oracle from 192.0.2.9 port 5522', { EventType: 'unknown_user', User: 'oracle', SourcePort: 5522 }],
    ['Invalid user oracle from 192.0.2.9', { EventType: 'unknown_user', User: 'oracle', SourceIp: '192.0.2.9' }],
    ['Disconnected from user taro 192.0.2.9 port 5522', { EventType: 'logoff', User: 'taro', SourcePort: 5522 }],
    [
      'ROOT LOGIN REFUSED FROM 192.0.2.9 port 5522',
      { EventType: 'logon_failure', User: 'root', FailureReason: 'not_allowed' },
    ],
    [
      'User taro from 192.0.2.9 not allowed because not listed in AllowUsers',
      { EventType: 'logon_failure', User: 'taro', SourceIp: '192.0.2.9' },
    ],
    [
      'error: maximum authentication attempts exceeded for root from 192.0.2.9 port 5522 ssh2 [preauth]',
      { EventType: 'attempts_exceeded', User: 'root', SourcePort: 5522 },
    ],
    [
      'pam_unix(sshd:session): session opened for user taro(uid=1000) by (uid=0)',
      { EventType: 'session_opened', User: 'taro', UserId: 1000, SubjectUserId: 0, LogonType: 'ssh' },
    ],
    ['pam_unix(sshd:session): session closed for user taro', { EventType: 'session_closed', User: 'taro' }],
    [
      'pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.9  user=root',
      { EventType: 'authentication_failure', User: 'root', SourceIp: '192.0.2.9' },
    ],
  ])('%s', (message, fields) => {
    expect(interpret('sshd', message)).toMatchObject({ category: 'authentication', fields });
  });

  test("a user's name cannot move the origin", () => {
    const name = 'root from 198.51.100.1 port 22 ssh2';
    expect(
      interpret('sshd', `Failed password for invalid user ${name} from 192.0.2.9 port 5522 ssh2`)?.fields,
    ).toMatchObject({
      User: name,
      SourceIp: '192.0.2.9',
      SourcePort: 5522,
    });
    expect(interpret('sshd', `Invalid user x from 198.51.100.1 port 9 from 192.0.2.9 port 5522`)?.fields).toMatchObject(
      {
        SourceIp: '192.0.2.9',
      },
    );
    const key = `a ssh2: ${KEY}`;
    expect(
      interpret('sshd', `Failed password for invalid user ${key} from 192.0.2.9 port 1 ssh2`)?.fields,
    ).toMatchObject({ User: key });
    expect(
      interpret('sshd', `Failed password for invalid user ${key} from 192.0.2.9 port 1 ssh2`)?.fields,
    ).not.toHaveProperty('KeyFingerprint');
  });

  test('an escaped second line is no second event', () => {
    const message =
      'Invalid user x\\nAccepted password for root from 198.51.100.1 port 22 ssh2 from 192.0.2.9 port 5522';
    expect(interpret('sshd', message)?.fields).toMatchObject({ EventType: 'unknown_user', SourceIp: '192.0.2.9' });
  });

  test('other lines mean nothing in particular', () => {
    for (const message of [
      'Server listening on 0.0.0.0 port 22.',
      'Accepted',
      'Failed password for',
      '',
      'User x from y',
    ])
      expect(interpret('sshd', message)).toBeUndefined();
  });
});

describe('sudo', () => {
  test.each([
    [
      '    taro : TTY=pts/0 ; PWD=/home/taro ; USER=root ; COMMAND=/usr/bin/apt update',
      {
        EventType: 'privilege_use',
        User: 'taro',
        TargetUser: 'root',
        USER: 'root',
        TTY: 'pts/0',
        PWD: '/home/taro',
        COMMAND: '/usr/bin/apt update',
      },
    ],
    ['www-data : PWD=/var/www ; USER=root ; COMMAND=/bin/bash', { User: 'www-data', COMMAND: '/bin/bash' }],
    [
      'taro : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh',
      { EventType: 'privilege_refused', FailureReason: '3 incorrect password attempts' },
    ],
    [
      'taro : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh',
      { EventType: 'privilege_refused', FailureReason: 'user NOT in sudoers' },
    ],
    ['taro : TTY=pts/0 ; PWD=/ ; USER=#-1 ; COMMAND=/usr/bin/id', { USER: '#-1' }],
    [
      'taro : PWD=/ ; USER=root ; ENV=A=1 B=2 ; COMMAND=/bin/sh -c a ; b ; USER=nobody',
      { ENV: 'A=1 B=2', USER: 'root', COMMAND: '/bin/sh -c a ; b ; USER=nobody' },
    ],
  ])('%s', (message, fields) => {
    expect(interpret('sudo', message)).toMatchObject({ category: 'authentication', fields });
  });

  test('a folder that looks like the end of the line hides neither user nor command', () => {
    const message = 'taro : TTY=pts/0 ; PWD=/tmp/x ; USER=nobody ; COMMAND=/bin/true ; USER=root ; COMMAND=/bin/bash';
    const fields = interpret('sudo', message)?.fields;
    expect(fields?.['User']).toBe('taro');
    expect(fields?.['COMMAND']).toContain('/bin/bash');
  });

  test('its session lines', () => {
    expect(
      interpret('sudo', 'pam_unix(sudo:session): session opened for user root(uid=0) by taro(uid=1000)')?.fields,
    ).toMatchObject({
      LogonType: 'sudo',
      User: 'root',
      SubjectUser: 'taro',
      SubjectUserId: 1000,
    });
    expect(interpret('sudo', 'unable to resolve host web1')).toBeUndefined();
  });
});

describe('others', () => {
  test.each([
    [
      'su',
      '(to root) taro on pts/1',
      { EventType: 'privilege_use', User: 'taro', TargetUser: 'root', Terminal: 'pts/1' },
    ],
    ['su', 'FAILED SU (to root) taro on pts/1', { EventType: 'privilege_refused', User: 'taro' }],
    ['su', 'Successful su for root by taro', { User: 'taro', TargetUser: 'root' }],
    ['login', 'LOGIN ON tty1 BY taro', { EventType: 'logon', User: 'taro', Terminal: 'tty1', LogonType: 'console' }],
    ['login', 'ROOT LOGIN ON tty1', { EventType: 'logon', User: 'root' }],
    [
      'login',
      "FAILED LOGIN (1) on '/dev/tty1' FOR 'taro', Authentication failure",
      { EventType: 'logon_failure', User: 'taro' },
    ],
    ['systemd-logind', 'New session 12 of user taro.', { EventType: 'session_opened', LogonId: '12', User: 'taro' }],
    [
      'systemd-logind',
      'Session 12 logged out. Waiting for processes to exit.',
      { EventType: 'session_closed', LogonId: '12' },
    ],
    [
      'useradd',
      'new user: name=x, UID=0, GID=0, home=/root, shell=/bin/bash, from=/dev/pts/1',
      { Change: 'user_created', TargetUser: 'x', TargetUserId: 0 },
    ],
    [
      'usermod',
      "add 'taro' to group 'sudo'",
      { Change: 'group_member_added', TargetUser: 'taro', TargetGroup: 'sudo' },
    ],
    ['usermod', "add 'taro' to shadow group 'sudo'", { TargetGroup: 'sudo' }],
    ['gpasswd', 'user taro added by root to group sudo', { Change: 'group_member_added', SubjectUser: 'root' }],
    [
      'passwd',
      'pam_unix(passwd:chauthtok): password changed for root',
      { Change: 'password_changed', TargetUser: 'root' },
    ],
    [
      'CRON',
      '(root) CMD (   /tmp/.x/run.sh >/dev/null 2>&1)',
      { User: 'root', CommandLine: '/tmp/.x/run.sh >/dev/null 2>&1' },
    ],
    ['crontab', '(www-data) REPLACE (root)', { User: 'www-data', Action: 'REPLACE', TargetUser: 'root' }],
  ])('%s: %s', (program, message, fields) => expect(interpret(program, message)).toMatchObject({ fields }));

  test("a cron job's session is nobody's logon", () => {
    expect(interpret('CRON', 'pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)')).toBeUndefined();
  });
});

test('no text of the largest size takes long or throws', () => {
  const programs = ['sshd', 'sudo', 'su', 'login', 'systemd-logind', 'useradd', 'usermod', 'gpasswd', 'CRON', 'x'];
  const heads = [
    '',
    'Failed password for ',
    'Accepted x for ',
    'Invalid user ',
    'User ',
    'taro : ',
    '(root) CMD (',
    "add '",
    'pam_unix(a:auth): authentication failure; ',
    'pam_unix(a:session): session opened for user ',
    'new user: name=',
    'FAILED LOGIN (1) ',
  ];
  const bodies = [
    ' from ',
    ' port 1',
    ' ssh2: a SHA256:',
    'x',
    ' ; ',
    ' ; USER=',
    "'",
    '(',
    ' not allowed because ',
    ' for ',
    '\u0000',
    '😀',
    " from '",
    ' user=',
  ];
  const before = performance.now();
  let count = 0;
  for (const program of programs)
    for (const head of heads)
      for (const body of bodies) {
        interpret(program, (head + body.repeat(65_536 / body.length)).slice(0, 65_536));
        count += 1;
      }
  expect(count).toBe(programs.length * heads.length * bodies.length);
  expect((performance.now() - before) / count).toBeLessThan(20);
});
