import { readdirSync, readFileSync } from 'node:fs';
import { compareSeverity, Event, type EventCategory, EventFields, LIMITS } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createSigmaEvaluator } from './sigma/create-sigma-evaluator.ts';

const FOLDER = new URL('../../../rules/', import.meta.url);
const Fixtures = z.strictObject({ match: z.array(EventFields).min(2), benign: z.array(EventFields).min(2) });

const names = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.slice(0, -'.yml'.length))
  .sort();
const sources = names.map((name) => ({
  file: `${name}.yml`,
  text: readFileSync(new URL(`${name}.yml`, FOLDER), 'utf8'),
}));
const pack = createSigmaEvaluator(sources);

function fixturesOf(name: string): z.infer<typeof Fixtures> {
  return Fixtures.parse(JSON.parse(readFileSync(new URL(`${name}.fixtures.json`, FOLDER), 'utf8')));
}

function loaded(name: string) {
  const rule = pack.rules.find(({ place }) => place.file === `${name}.yml`);
  if (rule === undefined) throw new Error(`${name} was not loaded`);
  return rule;
}

function eventOf(name: string, fields: EventFields): Event {
  const { product, category, service } = loaded(name).logsource;
  return Event.parse({ eventId: 'e', logsource: { product, category, service }, time: 1, fields });
}

function ruleIdsOn(event: Event): readonly string[] {
  return pack.evaluate(event).map(({ rule }) => rule.ruleId);
}

describe('the pack', () => {
  test('is complete, and every rule loads', () => {
    expect(pack.rejected).toEqual([]);
    expect(names.length).toBeGreaterThanOrEqual(30);
    expect(pack.loaded).toBe(names.length);
    const fixtures = readdirSync(FOLDER).filter((name) => name.endsWith('.fixtures.json'));
    expect(fixtures.sort()).toEqual(names.map((name) => `${name}.fixtures.json`));
  });

  test('uses the sensors of every kind', () => {
    const kinds = new Set(pack.rules.map(({ logsource }) => logsource.category ?? logsource.service));
    for (const kind of ['file_access', 'file_event', 'network_connection', 'process_creation', 'sensor_tamper']) {
      expect(kinds).toContain(kind);
    }
  });

  test.each(names)('%s says what people need to know, in both languages', (name) => {
    const { facts } = loaded(name);
    const { explanation, advice, localTitle } = facts;
    expect(facts.ruleId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(facts.techniques.length).toBeGreaterThan(0);
    expect(facts.tactics.length).toBeGreaterThan(0);
    for (const text of [explanation, advice, localTitle]) {
      expect(text?.ja).toMatch(/[ぁ-んァ-ヶ一-龠]/);
      expect(text?.en).toMatch(/^[\x20-\x7e]+$/);
      expect(text?.ja).not.toContain('安全です');
    }
    expect(explanation?.ja).toMatch(/。$/);
    expect(sources.find(({ file }) => file === `${name}.yml`)?.text).toMatch(/\nfalsepositives:\n {2}- \S/);
  });

  test('stops by itself only what is certain: a rule of high confidence names no everyday doubt', () => {
    const stopping = pack.rules.filter(
      ({ facts }) => facts.confidence === 'high' && compareSeverity(facts.severity, 'high') >= 0,
    );
    expect(stopping.length).toBeGreaterThan(10);
    expect(stopping.length).toBeLessThan(names.length / 2);
    expect(pack.rules.some(({ facts }) => facts.severity === 'critical' && facts.confidence !== 'high')).toBe(false);
  });
});

describe.each(names)('%s', (name) => {
  const { match, benign } = fixturesOf(name);
  test.each(match)('finds %j', (fields) => {
    expect(ruleIdsOn(eventOf(name, fields))).toContain(loaded(name).facts.ruleId);
  });
  test.each(benign)('leaves %j alone', (fields) => {
    expect(ruleIdsOn(eventOf(name, fields))).not.toContain(loaded(name).facts.ruleId);
  });
});

test('no benign lookalike of any rule is stopped by another rule', () => {
  const stopped = names.flatMap((name) =>
    fixturesOf(name).benign.flatMap((fields) =>
      pack
        .evaluate(eventOf(name, fields))
        .filter(({ rule }) => rule.confidence === 'high' && compareSeverity(rule.severity, 'high') >= 0)
        .map(({ rule }) => `${rule.title}: ${JSON.stringify(fields)}`),
    ),
  );
  expect(stopped).toEqual([]);
});

test('everyday work of administrators meets no rule', () => {
  const commands: readonly (readonly [image: string, commandLine: string, parent?: string])[] = [
    ['/usr/bin/apt-get', 'apt-get -y upgrade'],
    ['/usr/bin/dpkg', '/usr/bin/dpkg --status-fd 12 --configure --pending', '/usr/bin/apt-get'],
    ['/usr/bin/dash', '/bin/sh /var/lib/dpkg/info/openssh-server.postinst configure 1:9.2p1-2', '/usr/bin/dpkg'],
    ['/usr/bin/systemctl', 'systemctl restart nginx.service'],
    ['/usr/bin/crontab', 'crontab -e'],
    ['/usr/sbin/cron', '/usr/sbin/CRON -f'],
    ['/usr/bin/dash', '/bin/sh -c    cd / && run-parts --report /etc/cron.hourly', '/usr/sbin/cron'],
    ['/usr/bin/python3.12', '/usr/bin/python3 /usr/bin/certbot -q renew', '/usr/lib/systemd/systemd'],
    ['/usr/bin/python3.12', '/usr/bin/python3 /root/.ansible/tmp/ansible-tmp-1700000000.1-2-3/AnsiballZ_setup.py'],
    ['/usr/bin/dash', '/bin/sh -c /usr/bin/python3 /home/ops/.ansible/tmp/ansible-tmp-1-2/AnsiballZ_apt.py && sleep 0'],
    ['/usr/bin/docker', 'docker compose up -d --build'],
    ['/usr/bin/runc', 'runc --root /run/docker/runtime-runc/moby create --bundle /run/x 3f2a'],
    ['/usr/bin/rsync', 'rsync -a --delete /srv/ backup.example.jp:/srv/'],
    ['/usr/bin/dash', 'sh -c mysqldump --single-transaction app | gzip > /backup/app.sql.gz', '/usr/sbin/cron'],
    ['/usr/bin/openssl', 'openssl req -new -newkey rsa:4096 -nodes -keyout server.key -out server.csr'],
    ['/usr/bin/git', 'git pull --rebase'],
    ['/usr/bin/ssh', 'ssh -o BatchMode=yes deploy@web1.example.jp uptime'],
    ['/usr/sbin/sshd', 'sshd: taro [priv]'],
    ['/usr/bin/bash', '-bash', '/usr/sbin/sshd'],
    ['/usr/bin/sudo', 'sudo -i'],
    ['/usr/sbin/logrotate', '/usr/sbin/logrotate /etc/logrotate.conf'],
    ['/usr/bin/wine64', 'wine64 C:\\YAYOI\\yayoi.exe'],
    ['/usr/bin/libreoffice', '/usr/lib/libreoffice/program/soffice.bin --calc 見積書.ods'],
    ['/usr/bin/find', 'find /tmp -mtime +7 -delete'],
    ['/usr/bin/npm', 'npm ci --ignore-scripts'],
    ['/usr/bin/go', 'go test ./...'],
    ['/tmp/go-build1/b001/app.test', '/tmp/go-build1/b001/app.test -test.timeout=10m'],
    ['/usr/bin/chmod', 'chmod 644 /etc/nginx/nginx.conf'],
    ['/usr/bin/curl', 'curl -fsS https://hc.example.jp/ping'],
    ['/usr/bin/tar', 'tar --create --gzip --file /backup/www.tgz /var/www'],
    ['/usr/sbin/useradd', 'useradd --system --home /var/lib/app --shell /usr/sbin/nologin app'],
    ['/usr/bin/journalctl', 'journalctl -u ssh --since today'],
  ];
  const found = commands.flatMap(([Image, CommandLine, ParentImage = '/usr/bin/bash']) =>
    pack
      .evaluate(
        Event.parse({
          eventId: 'e',
          logsource: { product: 'linux', category: 'process_creation' satisfies EventCategory },
          time: 1,
          fields: { Image, CommandLine, ParentImage },
        }),
      )
      .map(({ rule }) => `${rule.title}: ${CommandLine}`),
  );
  expect(found).toEqual([]);
});

test('hostile command lines of the largest size are judged in bounded time', () => {
  const patterns = [
    'a',
    ' ',
    '/',
    '|',
    'curl http://1.1.1.1/ ',
    'find / -exec ',
    "base64 -d '",
    '\n',
    '\u202e',
    '😀',
    '-c "',
    '>&',
  ];
  for (const pattern of patterns) {
    const fields = { Image: '/usr/bin/bash', CommandLine: pattern.repeat(LIMITS.fieldValue / pattern.length) };
    const before = performance.now();
    pack.evaluate({ eventId: 'e', logsource: { product: 'linux', category: 'process_creation' }, time: 1, fields });
    expect(performance.now() - before, `pattern ${JSON.stringify(pattern)}`).toBeLessThan(5_000);
  }
});
