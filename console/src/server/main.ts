import { runConsole } from './run-console.ts';

process.umask(0o077);
process.exitCode = await runConsole(process.env);
