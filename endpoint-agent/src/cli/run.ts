import { runAgent } from '../service/main.ts';

/** `run --config FILE`: the service in the foreground, JSON logs on stdout, until SIGINT or SIGTERM. */
export function run(argv: readonly string[]): Promise<number> {
  return runAgent(argv);
}
