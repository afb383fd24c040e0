import { execFile, type PromiseWithChild } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { explainFailure } from './preconditions.ts';
import { consoleEnvironment, type SpecContext } from './specs.ts';

const run = promisify(execFile);
const NODE_ARGUMENTS = ['--disable-warning=ExperimentalWarning'];

/** The command lines of console and agent, as far as the launcher uses them. */
export interface Commands {
  /** Resolves with the last line that it prints. Throws StartError. */
  console(args: readonly string[]): Promise<string>;
  enrol(token: string): Promise<void>;
  /** Puts the kernel's audit state back; resolves with why it could not. Does nothing without root. */
  restoreKernel(): Promise<string | undefined>;
  /** The agent's own account of itself, or undefined when it does not answer. */
  agentStatus(): Promise<unknown>;
}

export function createCommands(context: SpecContext): Commands {
  const { root, layout, programs } = context;
  const agentCli = join(root, 'endpoint-agent', 'dist', 'agent-cli.mjs');
  const stateDir = ['--state-dir', layout.agentDir];
  const agent = (...args: readonly string[]): PromiseWithChild<{ stdout: string }> =>
    run(process.execPath, [...NODE_ARGUMENTS, agentCli, ...args], { cwd: layout.agentDir });
  return {
    async console(args) {
      try {
        const { stdout } = await run(
          programs.node,
          [...NODE_ARGUMENTS, join(programs.consoleDist, 'console-cli.mjs'), ...args],
          { cwd: layout.dataDir, env: { PATH: process.env['PATH'], ...consoleEnvironment(context) } },
        );
        return lastLine(stdout);
      } catch (error) {
        throw explainFailure('console', complaintOf(error), join(layout.logDir, 'console.log'));
      }
    },
    async enrol(token) {
      try {
        // This machine's own address may change; the way through localhost stays.
        const gateway = `https://localhost:${context.options.gatewayPort}`;
        const enrolling = agent('enroll', '--console', gateway, '--token-file', '-', ...stateDir);
        // Every user of the machine may read the arguments of a process.
        enrolling.child.stdin?.end(token);
        await enrolling;
      } catch (error) {
        throw explainFailure('agent', complaintOf(error), join(layout.logDir, 'console.log'));
      }
    },
    async restoreKernel() {
      if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync(agentCli)) return undefined;
      try {
        await agent('restore-kernel', ...stateDir);
        return undefined;
      } catch (error) {
        return complaintOf(error).message;
      }
    },
    async agentStatus() {
      try {
        const { stdout } = await agent('status', '--json', ...stateDir);
        return JSON.parse(stdout);
      } catch {
        return undefined;
      }
    },
  };
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/** A command's one line on stderr, `NAME: error (CODE): MESSAGE`. */
function complaintOf(error: unknown): { code: string; message: string } {
  const line = lastLine(error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error));
  const said = /^[a-z-]+: (?:error|エラー) \(([a-z_]+)\): (.+)$/.exec(line);
  return { code: said?.[1] ?? 'command_failed', message: said?.[2] ?? line };
}
