import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CanaryActs } from './canaries.ts';

/** It has a name for datagram sockets, so that one short-lived process proves three things. */
const SHELLS = ['/bin/bash', '/usr/bin/bash'];
/** Without it starts and ends are proven, connections are not. */
const PROGRAMS = ['/bin/true', '/usr/bin/true', '/bin/busybox'];
const FILE = /^yagura-canary-[0-9a-f]+$/;

/**
 * The canaries' acts on this machine. `directory` is the agent's own; `covers` says whether its filesystem is
 * one whose writes the file sensor watches.
 */
export function createCanaryActs(directory: string, covers: (directory: string) => boolean): CanaryActs {
  const shell = SHELLS.find((path) => existsSync(path));
  const program = PROGRAMS.find((path) => existsSync(path));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // An agent that was killed in the middle of one left it.
  for (const name of readdirSync(directory)) if (FILE.test(name)) rmSync(join(directory, name), { force: true });
  return {
    run(mark, ip, port) {
      if (shell !== undefined) {
        const pid = start(shell, ['--noprofile', '--norc', '-c', `: > /dev/udp/${ip}/${port}`, mark]);
        return pid === undefined ? undefined : { pid, connects: true };
      }
      if (program === undefined) return undefined;
      const pid = start(program, program.endsWith('busybox') ? ['true', mark] : [mark]);
      return pid === undefined ? undefined : { pid, connects: false };
    },
    write(name) {
      if (!covers(directory)) return false;
      const path = join(directory, name);
      try {
        writeFileSync(path, name, { flag: 'wx', mode: 0o600 });
        return true;
      } catch {
        return false; // The disk is full or read-only: nothing to see.
      } finally {
        rmSync(path, { force: true });
      }
    },
  };
}

function start(program: string, args: readonly string[]): number | undefined {
  const child = spawn(program, args, { cwd: '/', env: {}, stdio: 'ignore' });
  child.once('error', () => undefined); // No process could be made: there is no pid then.
  return child.pid;
}
