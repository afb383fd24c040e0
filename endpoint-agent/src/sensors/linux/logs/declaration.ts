import type { SensorDeclaration } from '../../sensor.ts';

const LINE = ['Message', 'SyslogIdentifier', 'ProcessName', 'ProcessId', 'Image', 'User'] as const;
/** journald only: the name that a line bears is not its writer's. */
const JOURNAL = ['IsForged'] as const;
const SESSION = [
  ...LINE,
  'EventType',
  'LogonType',
  'TargetUser',
  'SubjectUser',
  'UserId',
  'SubjectUserId',
  'SourceIp',
  'SourceHost',
  'FailureReason',
] as const;
const SSH = [...SESSION, 'SourcePort', 'AuthenticationMethod', 'KeyFingerprint'] as const;
const SUDO = [...SESSION, 'TTY', 'PWD', 'USER', 'GROUP', 'CHROOT', 'TSID', 'ENV', 'HOST', 'COMMAND'] as const;
const ACCOUNT = [
  ...LINE,
  ...JOURNAL,
  'EventType',
  'Change',
  'TargetUser',
  'TargetUserId',
  'TargetGroup',
  'TargetGroupId',
  'SubjectUser',
  'Home',
  'Shell',
  'LogonType',
] as const;
const SERVER = ['Message', 'ProcessName', 'ProcessId', 'Level'] as const;
const WEB = [
  'Message',
  'SourceIp',
  'c-ip',
  'cs-host',
  'cs-method',
  'cs-uri-query',
  'cs-uri-stem',
  'cs-version',
  'cs-username',
  'cs-user-agent',
  'cs-referer',
  'sc-status',
  'sc-bytes',
] as const;
const DATABASE_LOGON = [...SERVER, 'User', 'EventType', 'LogonType'] as const;

/** What the logs of this machine can tell, by Sigma's category and service. */
export const LOG_DECLARATION: SensorDeclaration = {
  name: 'linux-logs',
  provides: [],
  services: [
    { service: 'auth', fields: ACCOUNT },
    { service: 'auth', category: 'authentication', fields: [...SESSION, 'Terminal', 'LogonId'] },
    { service: 'sshd', fields: [...LINE, ...JOURNAL] },
    { service: 'sshd', category: 'authentication', fields: SSH },
    { service: 'sudo', fields: [...LINE, ...JOURNAL] },
    { service: 'sudo', category: 'authentication', fields: SUDO },
    { service: 'cron', fields: [...LINE, ...JOURNAL, 'Action', 'CommandLine', 'TargetUser'] },
    { service: 'syslog', fields: [...LINE, ...JOURNAL] },
    { service: 'clamav', fields: LINE },
    { service: 'vsftpd', fields: LINE },
    { service: 'guacamole', fields: LINE },
    { service: 'nginx', category: 'webserver', fields: WEB },
    { service: 'nginx', fields: SERVER },
    { service: 'apache', category: 'webserver', fields: WEB },
    { service: 'apache', fields: [...SERVER, 'SourceIp', 'SourcePort'] },
    { service: 'postgresql', fields: [...SERVER, 'User', 'Database'] },
    { service: 'postgresql', category: 'authentication', fields: [...DATABASE_LOGON, 'Database'] },
    { service: 'mysql', fields: SERVER },
    { service: 'mysql', category: 'authentication', fields: [...DATABASE_LOGON, 'SourceIp', 'SourceHost'] },
  ],
};
