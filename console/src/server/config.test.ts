import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';
import { createSessionCookie } from './http/cookie.ts';
import { allowedOrigins } from './http/origin.ts';

describe('configuration', () => {
  test('has defaults for one machine and is frozen', () => {
    const config = readConfig({ YAGURA_STATE_DIR: '/var/lib/yagura/console', HOME: '/root' });
    expect(config).toMatchObject({
      databasePath: '/var/lib/yagura/console/console.db',
      http: { host: '127.0.0.1', port: 8080 },
      publicUrl: 'http://localhost:8080',
      gateway: { port: 8443, url: 'https://localhost:8443' },
      signer: { socket: '/var/lib/yagura/signer/console.sock' },
    });
    expect(Object.isFrozen(config) && Object.isFrozen(config.http)).toBe(true);
  });

  test('is taken from the environment', () => {
    const config = readConfig({
      YAGURA_DATABASE_URL: 'sqlite:/srv/x.db',
      YAGURA_HTTP_PORT: '9000',
      YAGURA_PUBLIC_URL: 'https://console.example/',
      YAGURA_TRUSTED_PROXIES: '10.0.0.1, 10.0.0.2',
    });
    expect(config).toMatchObject({
      databasePath: '/srv/x.db',
      publicUrl: 'https://console.example',
      trustedProxies: ['10.0.0.1', '10.0.0.2'],
    });
  });

  test.each([
    ['YAGURA_HTTP_PORT', 'eighty'],
    ['YAGURA_HTTP_PORT', '70000'],
    ['YAGURA_DATABASE_URL', 'postgres://x'],
    ['YAGURA_DATABASE_URL', 'sqlite:'],
    ['YAGURA_PUBLIC_URL', 'ftp://x'],
    ['YAGURA_PUBLIC_URL', 'https://console.example/path'],
    ['YAGURA_PUBLIC_URL', 'https://user@console.example'],
    ['YAGURA_GATEWAY_URL', 'http://console.example:8443'],
    ['YAGURA_LOG_LEVEL', 'loud'],
    ['YAGURA_TRUSTED_PROXIES', 'proxy.example'],
  ])('%s=%s is refused by its name', (name, value) => {
    const read = () => readConfig({ [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(name);
  });
});

test('the names of the own machine are one console, any other name is exactly itself', () => {
  expect([...allowedOrigins('http://localhost:8080')]).toEqual([
    'http://localhost:8080',
    'http://127.0.0.1:8080',
    'http://[::1]:8080',
  ]);
  expect([...allowedOrigins('https://console.example')]).toEqual(['https://console.example']);
});

describe('the session cookie', () => {
  const secret = 'x'.repeat(43);

  test('is bound to host and TLS where there is TLS', () => {
    const cookie = createSessionCookie('https://console.example');
    expect(cookie.set(secret)).toBe(
      `__Host-yagura=${secret}; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=604800`,
    );
    expect(cookie.read(`other=1; __Host-yagura=${secret}`)).toBe(secret);
    expect(cookie.read(`yagura=${secret}`)).toBeUndefined();
  });

  test.each([
    undefined,
    '',
    'yagura',
    'yagura=',
    'yagura=short',
    `yagura=${'x'.repeat(44)}`,
    `yagura=${'<'.repeat(43)}`,
  ])('is not read from %s', (header) => {
    expect(createSessionCookie('http://localhost:8080').read(header)).toBeUndefined();
  });
});
