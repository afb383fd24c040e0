import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildAll } from '../build.ts';
import type { StartArguments } from './arguments.ts';
import { Child, type ChildSpec } from './child.ts';
import { type Layout, prepareLayout } from './layout.ts';
import { type Say, StartError } from './messages.ts';
import { explainFailure, requireFreePort, requireSpace } from './preconditions.ts';
import { agentSpec, consoleEnvironment, consoleSpec, type SpecContext, signerSpec } from './specs.ts';
import { type Programs, stagePrograms } from './staging.ts';

const run = promisify(execFile);

const RESTART_PAUSE_MS = 1_000;
const MAX_RESTARTS = 5;

export interface StartOptions {
  readonly root: string;
  readonly dataDir: string;
  readonly options: StartArguments;
  readonly say: Say;
  readonly signal: AbortSignal;
}

/** Signer, console and agent of one data folder, as one thing that starts and ends. */
export class Installation implements AsyncDisposable {
  /** Resolves when the signal was given. */
  readonly ended: Promise<void>;
  readonly #start: StartOptions;
  readonly #layout: Layout;
  #programs: Programs | undefined;
  readonly #children: Child[] = [];
  #stopping = false;

  private constructor(start: StartOptions, layout: Layout) {
    this.#start = start;
    this.#layout = layout;
    this.ended = new Promise((resolve) => {
      start.signal.addEventListener('abort', () => resolve(), { once: true });
      if (start.signal.aborted) resolve();
    });
  }

  /** Starts everything, or throws a StartError after ending what had been started. */
  static async start(start: StartOptions): Promise<Installation> {
    const { say, options } = start;
    await requireFreePort(options.port, '--port');
    await requireFreePort(options.gatewayPort, '--gateway-port');
    const installation = new Installation(start, prepareLayout(start.dataDir));
    try {
      requireSpace(start.dataDir);
      say('組み立てています …', 'Building …');
      await buildAll();
      await installation.#startAll();
      return installation;
    } catch (error) {
      await installation[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #startAll(): Promise<void> {
    const { root, options, say, dataDir } = this.#start;
    this.#programs = stagePrograms(root, this.#layout);
    say('署名プロセスと管理画面を起動しています …', 'Starting signer and console …');
    await this.#launch(signerSpec(this.#context()), 'signer');
    await this.#launch(consoleSpec(this.#context()), 'console');
    if (options.agent) await this.#startAgent();
    const link = await this.#console(['admin', 'link', '--name', 'admin', '--create']);
    say(`\nデータの場所: ${dataDir}`, `\nData: ${dataDir}`);
    say(
      `\n管理画面: http://localhost:${options.port}\nサインイン(15分以内に1回だけ使えます):\n  ${link}\n\n終了するには Ctrl-C を押してください。`,
      `\nConsole: http://localhost:${options.port}\nSign in (works once, within 15 minutes):\n  ${link}\n\nPress Ctrl-C to stop.`,
    );
  }

  async #launch(spec: ChildSpec, role: 'signer' | 'console' | 'agent'): Promise<Record<string, unknown>> {
    const child = new Child(spec);
    this.#children.push(child);
    try {
      const ready = await Promise.race([child.ready, this.ended.then(() => undefined)]);
      if (ready === undefined) throw new StartError('stopped', { ja: '中止しました。', en: 'stopped.' });
      this.#supervise(child, spec, role, MAX_RESTARTS);
      return ready;
    } catch (error) {
      if (error instanceof StartError) throw error;
      throw explainFailure(role, child.lastFailure(), spec.logFile);
    }
  }

  /** A process that ended by itself is started again, a few times; what it left behind is cleaned up. */
  #supervise(child: Child, spec: ChildSpec, role: 'signer' | 'console' | 'agent', restartsLeft: number): void {
    void child.exited.then(async ({ code, signal }) => {
      if (this.#stopping) return;
      if (role === 'agent') await this.#restoreKernel();
      const why = signal ?? `exit ${code}`;
      if (restartsLeft === 0) {
        this.#start.say(
          `${role} が続けて停止しました(${why})。記録: ${spec.logFile}`,
          `${role} keeps ending (${why}). Log: ${spec.logFile}`,
        );
        return;
      }
      this.#start.say(`${role} が停止したため、起動し直します(${why})。`, `${role} ended (${why}); starting it again.`);
      await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
      if (this.#stopping) return;
      const next = new Child(spec);
      this.#children.push(next);
      this.#supervise(next, spec, role, restartsLeft - 1);
    });
  }

  /** Runs a command of the console's command line and returns the last line that it prints. */
  async #console(args: readonly string[]): Promise<string> {
    const { programs } = this.#context();
    try {
      const { stdout } = await run(
        programs.node,
        ['--disable-warning=ExperimentalWarning', join(programs.consoleDist, 'console-cli.mjs'), ...args],
        {
          cwd: this.#layout.dataDir,
          env: { PATH: process.env['PATH'], ...consoleEnvironment(this.#context()) },
        },
      );
      return stdout.trim().split('\n').at(-1) ?? '';
    } catch (error) {
      const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
      throw explainFailure(
        'console',
        { code: 'console_command_failed', message: stderr.split('\n').at(-1) ?? '' },
        join(this.#layout.logDir, 'console.log'),
      );
    }
  }

  async #startAgent(): Promise<void> {
    const { root, say } = this.#start;
    if (!existsSync(join(this.#layout.agentDir, 'identity.json'))) {
      say('このパソコンを登録しています …', 'Enrolling this machine …');
      const token = await this.#console(['token', 'create', '--label', 'npm start', '--hours', '1']);
      await this.#enrol(join(root, 'endpoint-agent', 'dist', 'agent-cli.mjs'), token);
    }
    say('エージェントを起動しています …', 'Starting the agent …');
    const ready = await this.#launch(agentSpec(this.#context()), 'agent');
    this.#reportSensors(ready);
  }

  async #enrol(cli: string, token: string): Promise<void> {
    try {
      await run(
        process.execPath,
        [
          '--disable-warning=ExperimentalWarning',
          cli,
          'enroll',
          '--token',
          token,
          '--state-dir',
          this.#layout.agentDir,
        ],
        {
          cwd: this.#layout.agentDir,
        },
      );
    } catch (error) {
      const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
      throw explainFailure(
        'agent',
        { code: 'enrolment_failed', message: stderr.split('\n').at(-1) ?? '' },
        join(this.#layout.logDir, 'console.log'),
      );
    }
  }

  /** Says which sensors do not run and how to get them. */
  #reportSensors(ready: Record<string, unknown>): void {
    const sensors = Array.isArray(ready['sensors'])
      ? (ready['sensors'] as readonly { name: string; state: string; code?: string; detail?: string }[])
      : [];
    const missing = sensors.filter((sensor) => sensor.state !== 'active');
    for (const sensor of missing) {
      const why = sensor.detail ?? sensor.code ?? sensor.state;
      this.#start.say(
        `  センサー「${sensor.name}」は動いていません: ${why}`,
        `  sensor "${sensor.name}" is not active: ${why}`,
      );
    }
    if (missing.some((sensor) => sensor.code === 'needs_root')) {
      this.#start.say(
        '  すべてを見守るには root で実行してください: sudo npm start',
        '  To see everything, run as root: sudo npm start',
      );
    }
  }

  async #restoreKernel(): Promise<void> {
    const cli = join(this.#start.root, 'endpoint-agent', 'dist', 'agent-cli.mjs');
    if (!existsSync(cli) || process.platform !== 'linux' || process.getuid?.() !== 0) return;
    await run(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      cli,
      'restore-kernel',
      '--state-dir',
      this.#layout.agentDir,
    ]).catch((error: unknown) => {
      const text = error instanceof Error ? (error.message.split('\n').at(-1) ?? '') : String(error);
      this.#start.say(
        `カーネルの監査設定を元に戻せませんでした: ${text}`,
        `could not restore the kernel's audit state: ${text}`,
      );
    });
  }

  #context(): SpecContext {
    if (!this.#programs) throw new Error('programs are staged first');
    return { root: this.#start.root, layout: this.#layout, programs: this.#programs, options: this.#start.options };
  }

  /** Ends the agent first, so that nothing it saw stays unsent, then console and signer. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    for (const child of this.#children.reverse()) await child.stop();
    if (this.#start.options.agent) await this.#restoreKernel();
    this.#layout[Symbol.dispose]();
  }
}
