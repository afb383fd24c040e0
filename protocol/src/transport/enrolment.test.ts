import { describe, expect, test } from 'vitest';
import { type EnrolmentToken, formatEnrolmentToken, parseEnrolmentToken } from './enrolment.ts';

const token: EnrolmentToken = {
  v: 1,
  gateway: 'https://console.example.jp:8443',
  secret: 'Abc-_123'.repeat(5),
  ca: 'a'.repeat(64),
  orderKey: 'b'.repeat(64),
};
const encode = (value: unknown): string => `YGR1.${Buffer.from(JSON.stringify(value)).toString('base64url')}`;

describe('[EN1] tokens', () => {
  test('survive formatting, wrapping and indenting', () => {
    const text = formatEnrolmentToken(token);
    expect(text).toMatch(/^YGR1\.[A-Za-z0-9_-]+$/);
    expect(parseEnrolmentToken(text)).toEqual(token);
    expect(parseEnrolmentToken(`\n  ${text.replace(/(.{30})/g, '$1\r\n\t')}\n`)).toEqual(token);
  });

  test.each([
    ['another prefix', formatEnrolmentToken(token).replace('YGR1', 'YGR2')],
    ['a cut one', formatEnrolmentToken(token).slice(0, -9)],
    ['an address without TLS', encode({ ...token, gateway: 'http://console.example.jp' })],
    ['a script as address', encode({ ...token, gateway: 'javascript:alert(1)' })],
    ['a short secret', encode({ ...token, secret: 'short' })],
    ['an unknown key', encode({ ...token, tenant: 'other' })],
    ['a fingerprint in capitals', encode({ ...token, ca: 'A'.repeat(64) })],
    ['no object', encode('text')],
    ['letters that are not base64url', 'YGR1.????'],
  ])('%s is no token', (_name, text) => {
    expect(parseEnrolmentToken(text)).toBeUndefined();
  });
});
