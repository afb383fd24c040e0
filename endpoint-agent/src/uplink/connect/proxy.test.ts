import { describe, expect, test } from 'vitest';
import { type ProxyEnvironment, proxyFor } from './proxy.ts';

const proxy = 'http://proxy.test:3128';
const chosen = (url: string, environment: ProxyEnvironment): string | undefined =>
  proxyFor(new URL(url), environment)?.href;

describe('[UP14] which proxy', () => {
  test('HTTPS_PROXY in either case, with or without a scheme', () => {
    expect(chosen('https://console.test:8443', { HTTPS_PROXY: proxy })).toBe(`${proxy}/`);
    expect(chosen('https://console.test:8443', { https_proxy: 'proxy.test:3128' })).toBe(`${proxy}/`);
    expect(chosen('https://console.test:8443', { HTTPS_PROXY: 'https://u:p@proxy.test' })).toBe(
      'https://u:p@proxy.test/',
    );
  });

  test('none, an empty one, one of another kind, or nonsense is a direct connection', () => {
    for (const value of [undefined, '', 'socks5://proxy.test', 'http://']) {
      expect(chosen('https://console.test', { HTTPS_PROXY: value })).toBeUndefined();
    }
  });

  test.each([
    ['*', 'https://console.test', true],
    ['console.test', 'https://console.test:8443', true],
    ['CONSOLE.test', 'https://console.test:8443', true],
    ['.test', 'https://console.test:8443', true],
    ['*.test', 'https://console.test:8443', true],
    ['test', 'https://console.test:8443', true],
    ['sole.test', 'https://console.test:8443', false],
    ['console.test:8443', 'https://console.test:8443', true],
    ['console.test:443', 'https://console.test:8443', false],
    ['console.test:443', 'https://console.test', true],
    ['10.0.0.0/8', 'https://10.1.2.3:8443', true],
    ['10.0.0.0/8', 'https://11.1.2.3:8443', false],
    ['10.0.0.0/99', 'https://10.1.2.3:8443', false],
    ['10.1.2.3', 'https://10.1.2.3:8443', true],
    ['2.3', 'https://10.1.2.3:8443', false],
    ['fd00::/8', 'https://[fd00::1]:8443', true],
    ['[fd00::1]:8443', 'https://[fd00::1]:8443', true],
    ['a.test, console.test', 'https://console.test', true],
    ['', 'https://console.test', false],
  ])('NO_PROXY=%j and %s', (exceptions, url, direct) => {
    expect(chosen(url, { HTTPS_PROXY: proxy, NO_PROXY: exceptions }) === undefined).toBe(direct);
  });
});
