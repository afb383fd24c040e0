import { expect, test } from 'vitest';
import { reportConnection, reportSensors } from './agent-report.ts';

function listen() {
  const lines: { ja: string; en: string }[] = [];
  return { lines, say: (ja: string, en: string) => void lines.push({ ja, en }) };
}

test('a sensor that sees everything is not mentioned, the others are, in the language of the reader', () => {
  const { lines, say } = listen();
  reportSensors(
    [
      { name: 'linux-audit', state: 'active' },
      { name: 'portable-processes', state: 'degraded', code: 'needs_root' },
      { name: 'of-tomorrow', state: 'degraded', code: 'something_new' },
    ],
    say,
  );
  expect(lines.map(({ en }) => en).join('\n')).not.toContain('linux-audit');
  expect(lines[0]?.ja).toMatch(/動作中のプログラム.*管理者の権限.*needs_root/);
  expect(lines[1]?.en).toContain('of-tomorrow: something_new');
  expect(lines[2]?.en).toContain('sudo npm start');
});

test('what is no list of sensors is not repeated', () => {
  const { lines, say } = listen();
  reportSensors([{ name: 1 }], say);
  reportSensors(undefined, say);
  expect(lines).toEqual([]);
});

const status = (uplink: object, identity: object = { enrolled: true }) => Promise.resolve({ identity, uplink });

test('a connected agent needs no words', async () => {
  const { lines, say } = listen();
  await reportConnection(() => status({ state: 'connected' }), say, 0);
  expect(lines).toEqual([]);
});

test.each([
  ['certificate_revoked', 'enroll --replace'],
  ['clock_wrong', 'clock'],
])('an agent without connection because of %s is told what to do', async (code, advice) => {
  const { lines, say } = listen();
  await reportConnection(() => status({ state: 'waiting', code }), say, 0);
  const text = lines.map(({ en }) => en).join('\n');
  expect(text).toContain(code);
  expect(text).toContain(advice);
});

test('a damaged identity is named before the connection that it prevents', async () => {
  const { lines, say } = listen();
  const damaged = { enrolled: false, code: 'identity_damaged' };
  await reportConnection(() => status({ state: 'stopped', code: 'gateway_unreachable' }, damaged), say, 0);
  expect(lines[0]?.en).toContain('identity_damaged');
});
