/** `yagura-agent COMMAND`: what an operator does at the machine itself. */

import { asksForHelp, complain } from './options.ts';

/** A command reads its own arguments and resolves with the exit code. It is loaded only when it is called. */
type Command = (argv: readonly string[]) => Promise<number>;

/** Where commands write: results to stdout, what went wrong to stderr. */
const terminal = {
  out: (text: string) => void process.stdout.write(`${text}\n`),
  err: (text: string) => void process.stderr.write(`${text}\n`),
};

const COMMANDS = {
  run: { load: async () => (await import('./run.ts')).run, summary: 'the service in the foreground' },
  status: { load: async () => (await import('./status.ts')).run, summary: 'what the running agent sees and does' },
  doctor: { load: async () => (await import('./doctor.ts')).run, summary: 'what is wrong, and how to mend it' },
  enroll: { load: async () => (await import('./enroll.ts')).run, summary: 'joins this machine to a console' },
  replay: {
    load: async () => (await import('./replay.ts')).run,
    summary: 'recorded events through detection and verdict, without acting',
  },
  rules: {
    load: async () => {
      const { runRules } = await import('./rules.ts');
      return (argv: readonly string[]) => runRules(argv, terminal);
    },
    summary: 'checks rules, says which can fire here, compiles and imports packs',
  },
  history: {
    load: async () => (await import('./history.ts')).run,
    summary: 'what happened on this machine in the last days',
  },
  quarantine: {
    load: async () => (await import('./quarantine.ts')).run,
    summary: 'lists, restores and deletes what was quarantined',
  },
  'restore-kernel': {
    load: async () => (await import('./restore-kernel.ts')).run,
    summary: "puts the kernel's audit state back after the agent was killed",
  },
} as const satisfies Record<string, { load: () => Promise<Command>; summary: string }>;

function usage(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`);
  return ['usage: yagura-agent COMMAND [arguments]', ...rows, ''].join('\n');
}

// What reads our output may end first (`... | head`): what is left to do is done all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
const [name = '', ...argv] = process.argv.slice(2);
if (name === '--help' || name === '-h' || name === 'help') {
  process.stdout.write(usage());
} else if (Object.hasOwn(COMMANDS, name)) {
  try {
    const command = await COMMANDS[name as keyof typeof COMMANDS].load();
    const exitCode = await command(argv);
    process.exitCode = asksForHelp(argv) ? 0 : exitCode;
  } catch (error) {
    // What a command does not expect is a bug, or a system that fails in a new way; no stack helps at a prompt.
    complain('internal', error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error));
    process.exitCode = 1;
  }
} else {
  process.stderr.write(
    `yagura-agent: error (usage): ${name === '' ? 'no command' : `unknown command "${name}"`}\n${usage()}`,
  );
  process.exitCode = 2;
}
