import { hostname } from 'node:os';
import { enrol } from '../identity/enrol.ts';
import { ENROLMENT_SENTENCES } from '../identity/enrolment-failures.ts';
import { systemClock } from '../platform/clock.ts';
import { thisPlatform } from '../platform/this-platform.ts';
import { AGENT_VERSION } from '../platform/version.ts';
import { DEFAULT_STATE_DIR, parseCommand } from './options.ts';

const USAGE = 'enroll [--console URL] --token TOKEN [--state-dir DIR] [--replace]';

/** `enroll`: exit 0 when this machine belongs to a console now, 1 with one line that says why not. */
export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand(USAGE, {
    args: [...argv],
    options: {
      console: { type: 'string' },
      token: { type: 'string' },
      'state-dir': { type: 'string', default: DEFAULT_STATE_DIR },
      replace: { type: 'boolean', default: false },
    },
  });
  if (!parsed.ok) return 2;
  const { token, console: gateway, replace, 'state-dir': stateDir } = parsed.value.values;
  if (token === undefined) {
    process.stderr.write(`yagura-agent: error (usage): --token is missing\nusage: yagura-agent ${USAGE}\n`);
    return 2;
  }
  const result = await enrol({
    token,
    stateDir,
    hostname: hostname(),
    platform: thisPlatform(),
    agentVersion: AGENT_VERSION,
    clock: systemClock,
    replace,
    ...(gateway === undefined ? {} : { console: gateway }),
  });
  const language = process.env['LC_ALL'] || process.env['LC_MESSAGES'] || process.env['LANG'] || '';
  const japanese = language.startsWith('ja');
  if (result.ok) {
    const { endpointId, gateway: address } = result.identity;
    process.stdout.write(
      japanese
        ? `登録しました: 端末 ${endpointId}、管理サーバー ${address}\n`
        : `enrolled: endpoint ${endpointId} at ${address}\n`,
    );
    return 0;
  }
  const sentence = japanese ? ENROLMENT_SENTENCES[result.code].ja : result.message;
  process.stderr.write(`yagura-agent: ${japanese ? 'エラー' : 'error'} (${result.code}): ${sentence}\n`);
  return 1;
}
