/**
 * `npm start`: builds, starts signer, console and an agent for this machine, and says where to look and how
 * to sign in. Ctrl-C ends all three and puts the kernel's state back. As root the console and the signer run
 * under users of their own; only the agent keeps root.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../run-command.ts';
import { parseStartArguments, USAGE } from './arguments.ts';
import { Installation } from './installation.ts';
import { defaultDataDir } from './layout.ts';
import { createSay, StartError, terminalLanguage } from './messages.ts';

const STOPPED_BY_SIGNAL = 130;
const language = terminalLanguage(process.env);
const say = createSay(language, process.stdout);
const complain = createSay(language, process.stderr);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
// Who started us was killed, and with it the terminal's way to us.
process.once('disconnect', () => stop.abort());

/** A bug: its stack goes into a file, the terminal gets one line. */
function internalError(error: unknown): StartError {
  const file = join(ROOT, '.yagura', 'start-errors.log');
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  let where = '';
  try {
    mkdirSync(join(ROOT, '.yagura'), { recursive: true });
    appendFileSync(file, `${new Date().toISOString()} ${text}\n`);
    where = ` (${file})`;
  } catch {
    // The line on the terminal has to do.
  }
  const reason = text.split('\n')[0] ?? '';
  return new StartError('internal', {
    ja: `予期しない問題で止まりました: ${reason}${where}`,
    en: `an unexpected problem: ${reason}${where}`,
  });
}

try {
  const options = parseStartArguments(process.argv.slice(2), process.env['YAGURA_CALLER_DIR'] ?? process.cwd());
  if (options.help) {
    process.stdout.write(`${USAGE[language]}\n`);
  } else {
    await using installation = await Installation.start({
      root: ROOT,
      dataDir: options.dataDir ?? defaultDataDir(ROOT),
      options,
      say,
      signal: stop.signal,
    });
    await installation.ended;
    say('\n停止しています …', '\nStopping …');
  }
} catch (error) {
  const known = error instanceof StartError ? error : internalError(error);
  complain(`エラー (${known.code}): ${known.words.ja}`, `Error (${known.code}): ${known.words.en}`);
  process.exitCode = known.code === 'stopped' ? STOPPED_BY_SIGNAL : 1;
}
if (process.connected) process.disconnect?.();
