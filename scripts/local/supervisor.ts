import { setTimeout as delay } from 'node:timers/promises';
import { Child, type ChildSpec } from './child.ts';
import type { Say } from './messages.ts';

export type Role = 'signer' | 'console' | 'agent';

export const ROLE_WORDS: Readonly<Record<Role, string>> = {
  signer: '署名プロセス',
  console: '管理画面',
  agent: 'エージェント',
};

const RESTART_PAUSE_MS = 1_000;
const MAX_RESTARTS = 5;
/** A process that ran this long had recovered: its next end counts as the first. */
const STEADY_MS = 60_000;

export interface SupervisorOptions {
  readonly say: Say;
  /** After each start, also the repeated ones. */
  readonly onStarted: () => void;
  /** After an agent ended by itself, before the next one starts. */
  readonly afterAgent: () => Promise<void>;
}

/** Starts a process again that ended by itself, a few times in a row, and says so. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  /** In the order in which they were started; the ended ones leave. */
  readonly #children: Child[] = [];
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** From now on it is ended by `stop`. */
  add(child: Child): void {
    this.#children.push(child);
    void child.exited.then(() => {
      const index = this.#children.indexOf(child);
      if (index !== -1) this.#children.splice(index, 1);
    });
    this.#options.onStarted();
  }

  /** From now on it is started again when it ends by itself. */
  watch(child: Child, spec: ChildSpec, role: Role, restartsLeft = MAX_RESTARTS): void {
    void this.#restartAfter(child, spec, role, restartsLeft);
  }

  async #restartAfter(child: Child, spec: ChildSpec, role: Role, restartsLeft: number): Promise<void> {
    const { say, afterAgent } = this.#options;
    const since = performance.now();
    const { code, signal } = await child.exited;
    if (this.#stopping) return;
    if (role === 'agent') await afterAgent();
    const left = performance.now() - since > STEADY_MS ? MAX_RESTARTS : restartsLeft;
    const why = signal ?? child.lastFailure()?.code ?? `exit ${code}`;
    if (left === 0) {
      say(
        `${ROLE_WORDS[role]}が続けて停止したため、起動をやめました(${why})。Ctrl-C で終了し、記録をご確認ください: ${spec.logFile}`,
        `${role} keeps ending (${why}) and is not started again. Press Ctrl-C and read ${spec.logFile}`,
      );
      return;
    }
    say(`${ROLE_WORDS[role]}が停止したため、起動し直します(${why})。`, `${role} ended (${why}); starting it again.`);
    await delay(RESTART_PAUSE_MS);
    if (this.#stopping) return;
    const next = new Child(spec);
    this.add(next);
    this.watch(next, spec, role, left - 1);
    try {
      await next.ready;
      say(`${ROLE_WORDS[role]}は動いています。`, `${role} is running again.`);
    } catch {
      // It ended before it was ready, which is watched for already.
    }
  }

  pids(): readonly number[] {
    return this.#children.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** Ends all, the last started first. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const child of this.#children.toReversed()) await child.stop();
  }
}
