import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { reportConnection, reportSensors } from './agent-report.ts';
import type { StartArguments } from './arguments.ts';
import { build } from './build-step.ts';
import { Child, type ChildSpec } from './child.ts';
import { type Claim, claimDataDir } from './claim.ts';
import { type Commands, createCommands } from './commands.ts';
import { type Layout, makeDataDir, prepareLayout } from './layout.ts';
import { fromSystemError, type Say, StartError } from './messages.ts';
import { explainFailure, requireFreePort, requireSpace } from './preconditions.ts';
import { agentSpec, consoleEnvironment, consoleSpec, type SpecContext, signerSpec } from './specs.ts';
import { stagePrograms } from './staging.ts';
import { type Role, Supervisor } from './supervisor.ts';

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
  readonly #claim: Claim;
  readonly #layout: Layout;
  readonly #context: SpecContext;
  readonly #commands: Commands;
  readonly #supervisor: Supervisor;

  private constructor(start: StartOptions, claim: Claim, layout: Layout) {
    this.#start = start;
    this.#claim = claim;
    this.#layout = layout;
    this.#context = {
      root: start.root,
      layout,
      programs: stagePrograms(start.root, layout),
      options: start.options,
    };
    this.#commands = createCommands(this.#context);
    this.#supervisor = new Supervisor({
      say: start.say,
      onStarted: () => this.#record(),
      afterAgent: () => this.#restoreKernel(),
    });
    this.ended = aborted(start.signal);
  }

  /** Starts everything, or throws a StartError after ending what had been started. */
  static async start(start: StartOptions): Promise<Installation> {
    const { dataDir, options, say, signal } = start;
    makeDataDir(dataDir);
    const claim = await claimDataDir(dataDir, say);
    let installation: Installation | undefined;
    try {
      requireSpace(dataDir);
      await requireFreePort(options.port, '--port', ['127.0.0.1', '::1']);
      await requireFreePort(options.gatewayPort, '--gateway-port', ['0.0.0.0', '::']);
      const layout = prepareLayout(dataDir);
      say('組み立てています …', 'Building …');
      await build(start.root, signal);
      installation = new Installation(start, claim, layout);
      await installation.#startAll();
      return installation;
    } catch (error) {
      if (installation) await installation[Symbol.asyncDispose]();
      else claim[Symbol.dispose]();
      throw error instanceof Error && 'syscall' in error ? fromSystemError(error, dataDir) : error;
    }
  }

  async #startAll(): Promise<void> {
    const { options, say, dataDir } = this.#start;
    say('署名プロセスと管理画面を起動しています …', 'Starting signer and console …');
    await this.#launch(signerSpec(this.#context), 'signer');
    await this.#launch(consoleSpec(this.#context), 'console');
    if (options.agent) await this.#startAgent();
    const link = await this.#commands.console(['admin', 'link', '--name', 'admin', '--create']);
    say(`\nデータの場所: ${dataDir}`, `\nData: ${dataDir}`);
    say(
      `\n管理画面: http://localhost:${options.port}\nほかの端末の接続先: https://${options.gatewayHost}:${options.gatewayPort}\nサインイン(15分以内に1回だけ使えます):\n  ${link}\n\n終了するには Ctrl-C を押してください。`,
      `\nConsole: http://localhost:${options.port}\nOther machines connect to: https://${options.gatewayHost}:${options.gatewayPort}\nSign in (works once, within 15 minutes):\n  ${link}\n\nPress Ctrl-C to stop.`,
    );
  }

  /** Starts one process and waits until it is ready. Throws StartError. */
  async #launch(spec: ChildSpec, role: Role): Promise<Record<string, unknown>> {
    this.#throwIfStopped();
    const child = new Child(spec);
    this.#supervisor.add(child);
    try {
      const ready = await Promise.race([child.ready, this.ended]);
      this.#throwIfStopped();
      this.#supervisor.watch(child, spec, role);
      return ready ?? {};
    } catch (error) {
      if (error instanceof StartError) throw error;
      throw explainFailure(role, child.lastFailure(), spec.logFile);
    }
  }

  #throwIfStopped(): void {
    if (this.#start.signal.aborted) throw new StartError('stopped', { ja: '中止しました。', en: 'stopped.' });
  }

  async #startAgent(): Promise<void> {
    const { say } = this.#start;
    if (!existsSync(join(this.#layout.agentDir, 'identity.json'))) {
      say('このパソコンを登録しています …', 'Enrolling this machine …');
      await this.#commands.enrol(
        await this.#commands.console(['token', 'create', '--label', 'npm start', '--hours', '1']),
      );
    }
    say('エージェントを起動しています …', 'Starting the agent …');
    const ready = await this.#launch(agentSpec(this.#context), 'agent');
    reportSensors(ready['sensors'], say);
    await reportConnection(() => this.#commands.agentStatus(), say);
  }

  async #restoreKernel(): Promise<void> {
    const problem = await this.#commands.restoreKernel();
    if (problem === undefined) return;
    this.#start.say(
      `カーネルの監査設定を元に戻せませんでした: ${problem}`,
      `could not restore the kernel's audit state: ${problem}`,
    );
  }

  #record(): void {
    this.#claim.record(
      {
        url: `http://localhost:${this.#start.options.port}`,
        console: consoleEnvironment(this.#context),
      },
      this.#supervisor.pids(),
    );
  }

  /** Ends the agent first, so that nothing it saw stays unsent, then console and signer. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor.stop();
    if (this.#start.options.agent) await this.#restoreKernel();
    this.#claim[Symbol.dispose]();
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    if (signal.aborted) resolve(undefined);
  });
}
