import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import {
  createLinuxResponder,
  type LinuxResponderOptions,
} from '../../endpoint-agent/src/responses/linux/create-linux-responder.ts';
import type { ActionContext, ProcessTarget, Responder } from '../../endpoint-agent/src/responses/responder.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };

/** A temporary folder with a real responder on it; both are gone after disposal. */
export interface TestResponder extends AsyncDisposable {
  readonly dir: string;
  readonly stateDir: string;
  readonly responder: Responder;
  /** Ends the responder and starts another one on the same state. */
  restart(): Promise<void>;
}

export async function testResponder(options: Partial<LinuxResponderOptions> = {}): Promise<TestResponder> {
  const dir = mkdtempSync(join(tmpdir(), 'yagura-respond-'));
  const stateDir = options.stateDir ?? join(dir, 'state');
  const open = (): Promise<Responder> =>
    createLinuxResponder({
      clock: systemClock,
      selfPid: process.pid,
      log: silent,
      bootId: 'boot-1',
      ...options,
      stateDir,
      limits: { reserveBytes: 0, ...options.limits },
    });
  let responder = await open();
  return {
    dir,
    stateDir,
    get responder() {
      return responder;
    },
    restart: async () => {
      await responder[Symbol.asyncDispose]();
      responder = await open();
    },
    [Symbol.asyncDispose]: async () => {
      await responder[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

let contexts = 0;

/** A context with an id of its own. */
export function nextContext(storyId?: string): ActionContext {
  contexts += 1;
  const context = { actionId: `act-${contexts}`, origin: 'policy' as const };
  return storyId === undefined ? context : { ...context, storyId };
}

/** The process as the process table would name it. Throws when it is gone. */
export function targetOf(pid: number): ProcessTarget {
  return { entityId: `e-${pid}`, pid, startTicks: Number(statFields(pid)[19]) };
}

/** The state letter of /proc/PID/stat; undefined when there is no such process. */
export function stateOf(pid: number): string | undefined {
  try {
    return statFields(pid)[0];
  } catch {
    return undefined;
  }
}

/** Whether the process is gone, or only waits for its parent to take notice. */
export function hasEnded(pid: number): boolean {
  return [undefined, 'Z', 'X'].includes(stateOf(pid));
}

/** Fields 3 and following of /proc/PID/stat. */
function statFields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
