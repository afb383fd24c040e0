import { describe, expect, test } from 'vitest';
import { readSignerConfig, SignerConfigError } from './config.ts';

const GOOD = ['--state-dir', '/s', '--socket', '/c.sock', '--admin-socket', '/a.sock'];

function refusalOf(args: readonly string[], env: Record<string, string> = {}): string {
  try {
    readSignerConfig(args, env);
  } catch (error) {
    if (error instanceof SignerConfigError) return error.message;
    throw error;
  }
  return 'it was taken';
}

test('options are read before the environment', () => {
  const env = { YAGURA_SIGNER_SOCKET: '/other.sock', YAGURA_SIGNER_LOG_LEVEL: 'warn' };
  expect(readSignerConfig(GOOD, env)).toMatchObject({ stateDirectory: '/s', socket: '/c.sock', logLevel: 'warn' });
});

describe('what an operator has to change is one sentence that names the option and the variable', () => {
  test.each([
    [[], /^--state-dir \(or YAGURA_SIGNER_STATE_DIR\) needs a folder of its own, where its keys lie$/],
    [GOOD.slice(0, 2), /^--socket \(or YAGURA_SIGNER_SOCKET\) needs the path of the socket for the console$/],
    [GOOD.slice(0, 4), /^--admin-socket \(or .*\) needs the path of the socket for the operator$/],
    [[...GOOD, '--console-gid', 'wheel'], /^--console-gid \(or .*\) needs the number of a group$/],
    [[...GOOD, '--gateway-name', 'a b'], /^--gateway-name \(or .*\) needs at most 32 host names or addresses$/],
    [
      [...GOOD, '--certificates-per-minute', '0'],
      /^--certificates-per-minute \(or .*\) needs a number from 1 to 1000000$/,
    ],
    [[...GOOD, '--log-level', 'loud'], /^--log-level \(or .*\) needs one of debug, info, warn, error, silent$/],
    [[...GOOD, '--force'], /^Unknown option '--force': usage: yagura-console signer --state-dir DIR .*$/],
    [[...GOOD, 'more'], /^Unexpected argument 'more': usage: .*$/],
    [['--state-dir'], /^Option '--state-dir <value>' argument missing: usage: .*$/],
  ])('%j', (args, sentence) => {
    expect(refusalOf(args)).toMatch(sentence);
  });
});
