/**
 * `npm start`: builds, starts signer, console and an agent for this machine, and says where to look and how
 * to sign in. Ctrl-C ends all three and puts the kernel's state back. As root the console and the signer run
 * under users of their own; only the agent keeps root.
 */
import { ROOT } from '../run-command.ts';
import { parseStartArguments, USAGE } from './arguments.ts';
import { Installation } from './installation.ts';
import { defaultDataDir } from './layout.ts';
import { createSay, StartError, terminalLanguage } from './messages.ts';

const language = terminalLanguage(process.env);
const say = createSay(language, process.stdout);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

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
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(
    language === 'ja' ? `エラー (${error.code}): ${error.words.ja}\n` : `Error (${error.code}): ${error.words.en}\n`,
  );
  process.exitCode = error.code === 'stopped' ? 130 : 1;
}
