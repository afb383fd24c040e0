import { describe, expect, test } from 'vitest';
import { createTimeZone } from '../time/local-time.ts';
import { parseAccessLine } from './access-line.ts';
import { parseMysqlLine, parsePostgresqlLine } from './database-line.ts';
import { parseApacheError, parseNginxError } from './error-line.ts';
import { parseSyslogLine } from './syslog-line.ts';

const context = { zone: createTimeZone('Asia/Tokyo'), near: Date.parse('2026-11-24T12:00:00Z') };
const TIME = Date.parse('2026-11-24T11:33:01Z');

describe('syslog', () => {
  test.each([
    [
      'rsyslog, traditional',
      'Nov 24 20:33:01 web1 sshd[812]: Connection closed',
      { time: TIME, program: 'sshd', pid: 812, message: 'Connection closed' },
    ],
    [
      'rsyslog, RFC 3339',
      '2026-11-24T20:33:01+09:00 web1 CRON[9]: (root) CMD (x)',
      { time: TIME, program: 'CRON', pid: 9, message: '(root) CMD (x)' },
    ],
    ['the kernel', 'Nov 24 20:33:01 web1 kernel: [  1.5] eth0: up', { program: 'kernel', message: '[  1.5] eth0: up' }],
    ['a tag with a slash', 'Nov 24 20:33:01 web1 postfix/smtpd[77]: connect', { program: 'postfix/smtpd', pid: 77 }],
    ['a tag in brackets', 'Nov 24 20:33:01 web1 (systemd)[7]: pam', { program: '(systemd)', pid: 7, message: 'pam' }],
    ['no tag', 'Nov 24 20:33:01 web1 last message repeated 3 times', { message: 'last message repeated 3 times' }],
    [
      'BusyBox',
      'Nov 24 20:33:01 gw auth.info sshd[5]: hello',
      { program: 'sshd', pid: 5, facility: 4, message: 'hello' },
    ],
    [
      'RFC 5424',
      '<38>1 2026-11-24T20:33:01+09:00 web1 sshd 812 - [a b="x] y\\"z"][c] Accepted',
      { time: TIME, program: 'sshd', pid: 812, facility: 4, message: 'Accepted' },
    ],
    [
      'RFC 5424 without data',
      '<38>1 2026-11-24T20:33:01+09:00 web1 sshd - - - Accepted',
      { program: 'sshd', message: 'Accepted' },
    ],
  ])('%s', (_name, text, expected) => expect(parseSyslogLine(text, context)).toMatchObject(expected));

  test.each(['', ' ', 'no form at all', '<', '<38>', 'Nov 24 20:33:01', 'Nov 24 20:33:01 ', 'Nov 24 20:33:01 h'])(
    '%j is a message or nothing, and no failure',
    (text) => expect(typeof parseSyslogLine(text, context).message).toBe('string'),
  );

  test('a forged tag within the message stays message', () => {
    const line = parseSyslogLine(
      'Nov 24 20:33:01 web1 app[3]: sshd[1]: Accepted password for root from 192.0.2.1',
      context,
    );
    expect(line).toMatchObject({ program: 'app', pid: 3 });
  });
});

describe('access logs', () => {
  test('the combined format', () => {
    const line = parseAccessLine(
      '192.0.2.7 - taro [24/Nov/2026:20:33:01 +0900] "GET /a/b.php?x=1%27 HTTP/1.1" 200 5316 "https://e.jp/" "sqlmap/1.8"',
      'nginx',
    );
    expect(line).toMatchObject({
      time: TIME,
      service: 'nginx',
      category: 'webserver',
      fields: {
        'c-ip': '192.0.2.7',
        SourceIp: '192.0.2.7',
        'cs-username': 'taro',
        'cs-method': 'GET',
        'cs-uri-query': '/a/b.php?x=1%27',
        'cs-uri-stem': '/a/b.php',
        'cs-version': 'HTTP/1.1',
        'sc-status': 200,
        'sc-bytes': 5316,
        'cs-referer': 'https://e.jp/',
        'cs-user-agent': 'sqlmap/1.8',
      },
    });
  });

  test("Debian's vhost_combined names the host", () => {
    const line = parseAccessLine(
      'shop.e.jp:443 2001:db8::1 - - [24/Nov/2026:20:33:01 +0900] "POST / HTTP/2.0" 403 -',
      'apache',
    );
    expect(line?.fields).toMatchObject({ 'cs-host': 'shop.e.jp', SourceIp: '2001:db8::1', 'sc-status': 403 });
    expect(line?.fields).not.toHaveProperty('sc-bytes');
  });

  test('escaped quotes do not end what a client sent', () => {
    const line = parseAccessLine(
      '192.0.2.7 - - [24/Nov/2026:20:33:01 +0900] "GET /\\" 200 1 \\"x HTTP/1.1" 404 12 "-" "a \\"b\\" c"',
      'apache',
    );
    expect(line?.fields).toMatchObject({ 'sc-status': 404, 'cs-user-agent': 'a \\"b\\" c' });
  });

  test("a user's name cannot pretend to be the rest of the line", () => {
    const line = parseAccessLine(
      '192.0.2.7 - x [01/Jan/2020:00:00:00 +0000] \\"GET / HTTP/1.1\\" 200 [24/Nov/2026:20:33:01 +0900] "GET /real HTTP/1.1" 401 1',
      'nginx',
    );
    expect(line?.fields).toMatchObject({ 'cs-uri-stem': '/real', 'sc-status': 401 });
  });

  test.each([
    '192.0.2.7 - - [24/Nov/2026:20:33:01 +0900] "',
    '192.0.2.7 - - [99/Foo/2026:20:33:01 +0900] "GET / HTTP/1.1" 200 1',
    'x'.repeat(65_536),
    '"'.repeat(65_536),
    '[24/Nov/2026:20:33:01 +0900] '.repeat(2_000),
  ])('%.60s is none, at once', (text) => {
    const before = performance.now();
    expect(parseAccessLine(text, 'nginx')).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(500);
  });

  test('a request that is none (a TLS handshake, an empty line) still is a line', () => {
    expect(
      parseAccessLine('192.0.2.7 - - [24/Nov/2026:20:33:01 +0900] "\\x16\\x03" 400 0', 'nginx')?.fields,
    ).toMatchObject({ 'sc-status': 400 });
  });
});

describe('error logs', () => {
  test('nginx', () => {
    expect(
      parseNginxError('2026/11/24 20:33:01 [crit] 31#35: *9 open() "/x" failed, client: 192.0.2.9', context),
    ).toMatchObject({
      time: TIME,
      service: 'nginx',
      fields: { Level: 'crit', ProcessId: 31, Message: 'open() "/x" failed, client: 192.0.2.9' },
    });
  });

  test('Apache, with and without client', () => {
    expect(
      parseApacheError(
        '[Tue Nov 24 20:33:01.000000 2026] [cgi:error] [pid 88:tid 90] [client 192.0.2.9:5544] AH01215: sh',
        context,
      ),
    ).toMatchObject({
      time: TIME,
      fields: { Level: 'error', ProcessId: 88, SourceIp: '192.0.2.9', SourcePort: 5544, Message: 'AH01215: sh' },
    });
    expect(parseApacheError('[Tue Nov 24 20:33:01 2026] [notice] caught SIGTERM', context)?.fields).toMatchObject({
      Message: 'caught SIGTERM',
    });
  });
});

describe('databases', () => {
  test.each([
    [
      '2026-11-24 20:33:01.000 JST [71] app@shop FATAL:  password authentication failed for user "app"',
      { User: 'app', Database: 'shop', EventType: 'logon_failure' },
    ],
    [
      '2026-11-24 20:33:01 JST [71] app@shop FATAL:  role "x" does not exist',
      { User: 'x', EventType: 'logon_failure' },
    ],
    [
      '2026-11-24 20:33:01 JST [71] LOG:  checkpoint starting: time',
      { ProcessId: 71, Message: 'checkpoint starting: time', Level: 'LOG' },
    ],
  ])('PostgreSQL: %s', (text, fields) => {
    expect(parsePostgresqlLine(text, context)).toMatchObject({ time: TIME, service: 'postgresql', fields });
  });

  test.each([
    [
      "2026-11-24T11:33:01.000000Z 10 [Note] [MY-010926] [Server] Access denied for user 'root'@'192.0.2.9' (using password: YES)",
      { User: 'root', SourceIp: '192.0.2.9', EventType: 'logon_failure' },
    ],
    [
      "2026-11-24 20:33:01 10 [Warning] Access denied for user 'a'@'db.e.jp' (using password: NO)",
      { User: 'a', SourceHost: 'db.e.jp' },
    ],
    ['2026-11-24T11:33:01.000000Z 0 [System] [MY-010931] [Server] ready', { Message: 'ready', Level: 'System' }],
  ])('MySQL: %s', (text, fields) => {
    expect(parseMysqlLine(text, context)).toMatchObject({ time: TIME, service: 'mysql', fields });
  });
});
