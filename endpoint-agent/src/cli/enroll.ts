import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { enrol } from '../identity/enrol.ts';
import { ENROLMENT_SENTENCES } from '../identity/enrolment-failures.ts';
import { systemClock } from '../platform/clock.ts';
import { systemCode } from '../platform/durable-file.ts';
import { thisPlatform } from '../platform/this-platform.ts';
import { AGENT_VERSION } from '../platform/version.ts';
import { complain, DEFAULT_STATE_DIR, parseCommand } from './options.ts';

const USAGE = 'enroll [--console URL] (--token TOKEN | --token-file FILE) [--state-dir DIR] [--replace]';

const STANDARD_INPUT = 0;
/** A token has under a thousand characters; whatever is longer is another file. */
const TOKEN_CHARS = 8_192;

/**
 * `enroll`: exit 0 when this machine belongs to a console now, 1 with one line that says why not. With
 * `--token-file` (`-` is standard input) the token stands in no process list and in no shell's history.
 */
export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand(USAGE, {
    args: [...argv],
    options: {
      console: { type: 'string' },
      token: { type: 'string' },
      'token-file': { type: 'string' },
      'state-dir': { type: 'string', default: DEFAULT_STATE_DIR },
      replace: { type: 'boolean', default: false },
    },
  });
  if (!parsed.ok) return 2;
  const { token: given, 'token-file': file, console: gateway, replace, 'state-dir': stateDir } = parsed.value.values;
  if ((given === undefined) === (file === undefined)) {
    complain(
      'usage',
      `${given === undefined ? '--token is missing' : 'one of --token and --token-file'}\nusage: yagura-agent ${USAGE}`,
    );
    return 2;
  }
  const read = given === undefined ? readToken(file ?? '-') : { ok: true as const, token: given };
  if (!read.ok) {
    complain('token_unreadable', read.message);
    return 1;
  }
  const { token } = read;
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

function readToken(file: string): { ok: true; token: string } | { ok: false; message: string } {
  try {
    const text = readFileSync(file === '-' ? STANDARD_INPUT : file, 'utf8').trim();
    if (text.length > 0 && text.length <= TOKEN_CHARS) return { ok: true, token: text };
    return { ok: false, message: `${file} holds no enrolment token: make one in the console` };
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return {
      ok: false,
      message: `cannot read ${file} (${code}): name the file that holds the token, or - for standard input`,
    };
  }
}
