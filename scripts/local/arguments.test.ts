import { describe, expect, test } from 'vitest';
import { parseStartArguments } from './arguments.ts';

const parse = (...argv: string[]) => parseStartArguments(argv, '/home/taro/projects');

describe('the arguments of npm start', () => {
  test('have defaults', () => {
    expect(parse()).toMatchObject({ port: 8080, gatewayPort: 8443, agent: true, help: false });
  });

  test('take a folder relative to where npm was called', () => {
    expect(parse('--data-dir', '櫓 data').dataDir).toBe('/home/taro/projects/櫓 data');
    expect(parse('--data-dir', '/srv/x').dataDir).toBe('/srv/x');
  });

  test('take a name or an address for other machines', () => {
    expect(parse('--gateway-host', 'yagura.example.co.jp').gatewayHost).toBe('yagura.example.co.jp');
    expect(parse('--gateway-host', '192.0.2.7').gatewayHost).toBe('192.0.2.7');
    expect(parse('--gateway-host', '2001:db8::7').gatewayHost).toBe('[2001:db8::7]');
    expect(parse().gatewayHost).toMatch(/^(localhost|\d+\.\d+\.\d+\.\d+)$/);
  });

  test.each([
    [['--gateway-host', 'https://x']],
    [['--gateway-host', 'x:8443']],
    [['--gateway-host', 'x/y']],
    [['--gateway-host', 'a b']],
    [['--gateway-host', '']],
    [['--port', '0']],
    [['--port', '65536']],
    [['--port', '8e3']],
    [['--port', ' 80']],
    [['--port']],
    [['--gateway-port', '8080']],
    [['--data-dir', '']],
    [['--data-dir', ' ']],
    [['--no-agent=1']],
    [['--what']],
    [['start']],
  ])('%j is refused with the usage code', (argv) => {
    expect(() => parse(...argv)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
