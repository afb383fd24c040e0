import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Where the agent keeps its state when nobody says otherwise; in a clone, where `npm start` put it. */
export const DEFAULT_STATE_DIR = process.env['YAGURA_AGENT_STATE_DIR'] || '/var/lib/yagura-agent';

export type Parsed<T> = { ok: true; value: T } | { ok: false };

/** Whether a person asks how a command is called; its exit code is then 0. */
export function asksForHelp(argv: readonly string[]): boolean {
  return argv.includes('--help') || argv.includes('-h');
}

/** Parses a command's arguments; what is wrong is said on stderr as one line with the command's usage. */
export function parseCommand<T extends ParseArgsConfig>(
  usage: string,
  config: T,
): Parsed<ReturnType<typeof parseArgs<T>>> {
  if (asksForHelp(config.args ?? [])) {
    process.stdout.write(`usage: yagura-agent ${usage}\n`);
    return { ok: false };
  }
  try {
    return { ok: true, value: parseArgs(config) };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    process.stderr.write(`yagura-agent: error (usage): ${reason}\nusage: yagura-agent ${usage}\n`);
    return { ok: false };
  }
}

/** What went wrong, as every command says it: a stable code, what is wrong, what to do. One line without its end. */
export function complaint(code: string, message: string): string {
  return `yagura-agent: error (${code}): ${message}`;
}

/** The same on stderr. */
export function complain(code: string, message: string): void {
  process.stderr.write(`${complaint(code, message)}\n`);
}
