import type { Meaning } from '../record.ts';

/** util-linux's and shadow's `su`, both of which name the two users in reverse order of each other. */
export function interpretSu(message: string): Meaning | undefined {
  const util = /^(FAILED SU )?\(to ([^)]{1,256})\) (\S{1,256}) on (\S{1,64})$/.exec(message);
  if (util) {
    const [, failed, target = '', user = '', terminal = ''] = util;
    return su(failed === undefined, user, target, terminal);
  }
  const shadow = /^(Successful|FAILED) su for (\S{1,256}) by (\S{1,256})$/.exec(message);
  if (!shadow) return undefined;
  const [, outcome, target = '', user = ''] = shadow;
  return su(outcome === 'Successful', user, target, undefined);
}

function su(succeeded: boolean, user: string, target: string, terminal: string | undefined): Meaning {
  return {
    category: 'authentication',
    fields: {
      EventType: succeeded ? 'privilege_use' : 'privilege_refused',
      LogonType: 'su',
      User: user,
      TargetUser: target,
      ...(terminal === undefined || terminal === 'none' ? {} : { Terminal: terminal }),
    },
  };
}

/** The console's `login` (util-linux). */
export function interpretLogin(message: string): Meaning | undefined {
  const on = /^(?:(ROOT|DIALUP) )?LOGIN ON (\S{1,64})(?: BY (\S{1,256}))?(?: FROM (\S{1,255}))?$/.exec(message);
  if (on) {
    const [, kind, terminal = '', user, host] = on;
    return console_('logon', {
      Terminal: terminal,
      User: user ?? (kind === 'ROOT' ? 'root' : undefined),
      SourceHost: host,
    });
  }
  const failed =
    /^(?:FAILED LOGIN(?: SESSION)?|TOO MANY LOGIN TRIES) \(\d+\) (?:on '?(\S{1,64}?)'? )?(?:from '?(\S{1,255}?)'? )?for '?(.{1,256}?)'?, /i.exec(
      message,
    );
  if (!failed) return undefined;
  const [, terminal, host, user] = failed;
  return console_('logon_failure', { Terminal: terminal, SourceHost: host, User: user });
}

function console_(eventType: string, known: Readonly<Record<string, string | undefined>>): Meaning {
  const fields = Object.entries(known).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    category: 'authentication',
    fields: { ...Object.fromEntries(fields), EventType: eventType, LogonType: 'console' },
  };
}

/** systemd-logind's sessions, by which those of every other source can be joined. */
export function interpretLogind(message: string): Meaning | undefined {
  const opened = /^New session (\w{1,16}) of user (.{1,256}?)\.?$/.exec(message);
  if (opened) {
    const [, session = '', user = ''] = opened;
    return {
      category: 'authentication',
      fields: { EventType: 'session_opened', LogonType: 'session', User: user, LogonId: session },
    };
  }
  const closed = /^(?:Removed session (\w{1,16})|Session (\w{1,16}) logged out)\./.exec(message);
  const session = closed?.[1] ?? closed?.[2];
  return session === undefined
    ? undefined
    : {
        category: 'authentication',
        fields: { EventType: 'session_closed', LogonType: 'session', LogonId: session },
      };
}
