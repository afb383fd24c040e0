import { expect, test } from 'vitest';
import { decodeSocketAddress, formatIpv6 } from './socket-address.ts';

test.each([
  ['IPv4', '0200115C7F0000010000000000000000', { ip: '127.0.0.1', port: 4_444 }],
  ['IPv6', '0A0001BB0000000020010DB800000000000000000000000100000000', { ip: '2001:db8::1', port: 443 }],
  ['IPv4 in IPv6', '0A0000500000000000000000000000000000FFFF0A00000100000000', { ip: '10.0.0.1', port: 80 }],
  ['IPv6 without its scope', '0A0000500000000000000000000000000000000000000001', { ip: '::1', port: 80 }],
])('%s', (_, hex, address) => {
  expect(decodeSocketAddress(hex)).toEqual(address);
});

test.each([
  ['a Unix socket', '01002F7661722F72756E2F6E7363642F736F636B657400'],
  ['netlink', '100000000000000000000000'],
  ['cut IPv4', '0200115C7F00'],
  ['cut IPv6', '0A0001BB0000000020010DB8'],
  ['no hexadecimal', 'zz'],
  ['nothing', undefined],
])('%s is no address', (_, hex) => {
  expect(decodeSocketAddress(hex)).toBeUndefined();
});

test.each([
  ['00000000000000000000000000000000', '::'],
  ['00010000000000000001000000000001', '1::1:0:0:1'],
  ['20010db8000100010001000100010001', '2001:db8:1:1:1:1:1:1'],
  ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  ['fe800000000000000000000000000000', 'fe80::'],
])('RFC 5952: %s', (hex, text) => {
  expect(formatIpv6(Buffer.from(hex, 'hex'))).toBe(text);
});
