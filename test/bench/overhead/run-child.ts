import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What one run of a workload took. */
export interface Run {
  readonly milliseconds: number;
  /** CPU of the workload itself, in user mode and in the kernel. */
  readonly cpuMilliseconds: number;
  readonly output: string;
}

const MS_PER_TICK = 10;

/** CPU of children that have ended and were waited for: fields 16 and 17 of /proc/self/stat. */
function childrenCpu(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * MS_PER_TICK;
}

/** Runs a program to its end. Throws with the end of what it printed when it fails. */
export async function runChild(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Run> {
  const cpuBefore = childrenCpu();
  const started = performance.now();
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const take = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4_096);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${output}`);
  return {
    milliseconds: performance.now() - started,
    cpuMilliseconds: childrenCpu() - cpuBefore,
    output,
  };
}
