import { describe, expect, test } from 'vitest';
import { parseStartArguments } from './arguments.ts';

const parse = (...argv: string[]) => parseStartArguments(argv, '/home/taro/work');

describe('the arguments of npm start', () => {
  test('have defaults', () => {
    expect(parse()).toEqual({ port: 8080, gatewayPort: 8443, agent: true, help: false });
  });

  test('take a folder relative to where npm was called', () => {
    expect(parse('--data-dir', '櫓 data').dataDir).toBe('/home/taro/work/櫓 data');
    expect(parse('--data-dir', '/srv/x').dataDir).toBe('/srv/x');
  });

  test.each([
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
