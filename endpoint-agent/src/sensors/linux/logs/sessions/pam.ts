import type { Meaning } from '../record.ts';

const PAM = /^pam_[a-z0-9_]{1,32}\(([\w.@-]{1,64}):(auth|account|session|chauthtok|setcred)\): /;
const SESSION = /^session (opened|closed) for user (.{1,256}?)(?:\(uid=(\d{1,10})\))?(?: by (.{0,256}))?$/s;
const BY = /^(.{0,255}?)\(uid=(\d{1,10})\)$/s;

/** Sessions of the machine's own doing, a thousand a day: no person signs in through these. */
const MACHINE_SERVICES: ReadonlySet<string> = new Set(['cron', 'crond', 'atd', 'systemd-user', 'runuser', 'runuser-l']);

const LOGON_TYPES: Readonly<Record<string, string>> = {
  sshd: 'ssh',
  sudo: 'sudo',
  'sudo-i': 'sudo',
  su: 'su',
  'su-l': 'su',
  login: 'console',
  remote: 'console',
  'gdm-password': 'graphical',
  'gdm-autologin': 'graphical',
  lightdm: 'graphical',
  sddm: 'graphical',
  kde: 'graphical',
  xrdp: 'graphical',
  'xrdp-sesman': 'graphical',
  'polkit-1': 'polkit',
};

/** What PAM's modules say whichever program calls them (pam_unix, pam_sss, pam_systemd ...). */
export function interpretPam(message: string): Meaning | undefined {
  const head = PAM.exec(message);
  if (!head) return undefined;
  const [whole, service = '', stack] = head;
  if (MACHINE_SERVICES.has(service.toLowerCase())) return undefined;
  const text = message.slice(whole.length);
  const base = { LogonType: LOGON_TYPES[service] ?? service };
  switch (stack) {
    case 'session':
      return session(text, base);
    case 'auth':
      return authentication(text, base);
    case 'chauthtok':
      return passwordChange(text, base);
    default:
      return undefined;
  }
}

type Base = Readonly<Record<string, string>>;

function session(text: string, base: Base): Meaning | undefined {
  const match = SESSION.exec(text);
  if (!match) return undefined;
  const [, change, user = '', uid, by = ''] = match;
  const opener = BY.exec(by);
  return {
    category: 'authentication',
    fields: {
      ...base,
      EventType: change === 'opened' ? 'session_opened' : 'session_closed',
      User: user,
      ...(uid ? { UserId: Number(uid) } : {}),
      ...(opener?.[1] ? { SubjectUser: opener[1] } : {}),
      ...(opener?.[2] ? { SubjectUserId: Number(opener[2]) } : {}),
    },
  };
}

/** `authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=taro`. */
function authentication(text: string, base: Base): Meaning | undefined {
  if (!text.startsWith('authentication failure;')) return undefined;
  const user = text.indexOf('  user=');
  const remote = / rhost=(\S{1,255})(?: |$)/.exec(user < 0 ? text : text.slice(0, user))?.[1];
  const caller = / ruser=(\S{1,255}) /.exec(text)?.[1];
  return {
    category: 'authentication',
    fields: {
      ...base,
      EventType: 'authentication_failure',
      ...(user < 0 || user + 7 === text.length ? {} : { User: text.slice(user + 7) }),
      ...(remote ? (/^[0-9A-Fa-f:.]{2,45}$/.test(remote) ? { SourceIp: remote } : { SourceHost: remote }) : {}),
      ...(caller ? { SubjectUser: caller } : {}),
    },
  };
}

function passwordChange(text: string, base: Base): Meaning | undefined {
  const user = /^password changed for (.{1,256})$/s.exec(text)?.[1];
  return user === undefined
    ? undefined
    : { fields: { ...base, EventType: 'account_changed', Change: 'password_changed', TargetUser: user } };
}
