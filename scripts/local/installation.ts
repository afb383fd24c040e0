import { execFile } from 'node:child_process';
import { existsSync, statfsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildAll } from '../build.ts';
import type { StartArguments } from './arguments.ts';
import { Child, type ChildSpec, type Failure } from './child.ts';
import { type Layout, prepareLayout } from './layout.ts';
import { fromSystemError, type Say, StartError } from './messages.ts';
import { type Programs, stagePrograms } from './staging.ts';

const run = promisify(execFile);

const MINIMUM_FREE_BYTES = 200_000_000;
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
    await this.#launch(this.#signerSpec(), 'signer');
    await this.#launch(this.#consoleSpec(), 'console');
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

  #signerSpec(): ChildSpec {
    const { node, consoleDist } = this.#need();
    const user = this.#layout.signerUser;
    return {
      name: 'signer',
      node,
      script: join(consoleDist, 'signer.mjs'),
      args: [
        ...[
          '--state-dir',
          this.#layout.signerDir,
          '--socket',
          this.#socket('signer'),
          '--admin-socket',
          this.#socket('admin'),
        ],
        ...['localhost', '127.0.0.1', hostname()]
          .filter((name) => /^[A-Za-z0-9.:-]+$/.test(name))
          .flatMap((name) => ['--gateway-name', name]),
        ...(this.#layout.consoleUser ? ['--console-gid', String(this.#layout.consoleUser.gid)] : []),
      ],
      env: {},
      cwd: this.#layout.signerDir,
      ...(user ? { user } : {}),
      logFile: join(this.#layout.logDir, 'signer.log'),
      readyWhen: 'signer ready',
    };
  }

  #consoleEnv(): NodeJS.ProcessEnv {
    const { port, gatewayPort } = this.#start.options;
    return {
      YAGURA_DATABASE_URL: `sqlite:${join(this.#layout.consoleDir, 'console.sqlite')}`,
      YAGURA_STATE_DIR: this.#layout.consoleDir,
      YAGURA_HTTP_PORT: String(port),
      YAGURA_GATEWAY_PORT: String(gatewayPort),
      YAGURA_PUBLIC_URL: `http://localhost:${port}`,
      YAGURA_GATEWAY_URL: `https://localhost:${gatewayPort}`,
      YAGURA_SIGNER_SOCKET: this.#socket('signer'),
      YAGURA_SIGNER_ADMIN_SOCKET: this.#socket('admin'),
    };
  }

  #consoleSpec(): ChildSpec {
    const { node, consoleDist } = this.#need();
    const user = this.#layout.consoleUser;
    return {
      name: 'console',
      node,
      script: join(consoleDist, 'console.mjs'),
      env: this.#consoleEnv(),
      cwd: this.#layout.consoleDir,
      ...(user ? { user } : {}),
      logFile: join(this.#layout.logDir, 'console.log'),
    };
  }

  /** Runs a command of the console's command line and returns the last line that it prints. */
  async #console(args: readonly string[]): Promise<string> {
    const { node, consoleDist } = this.#need();
    try {
      const { stdout } = await run(
        node,
        ['--disable-warning=ExperimentalWarning', join(consoleDist, 'console-cli.mjs'), ...args],
        {
          cwd: this.#layout.dataDir,
          env: { PATH: process.env['PATH'], ...this.#consoleEnv() },
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
    const dist = join(root, 'endpoint-agent', 'dist');
    const config = join(this.#layout.agentDir, 'agent.json');
    writeFileSync(
      config,
      JSON.stringify({
        stateDir: this.#layout.agentDir,
        packDir: join(root, 'endpoint-agent', 'rules'),
        ignorePaths: [this.#layout.dataDir],
      }),
      { mode: 0o600 },
    );
    if (!existsSync(join(this.#layout.agentDir, 'identity.json'))) {
      say('このパソコンを登録しています …', 'Enrolling this machine …');
      const token = await this.#console(['token', 'create', '--label', 'npm start', '--hours', '1']);
      await this.#enrol(join(dist, 'agent-cli.mjs'), token);
    }
    say('エージェントを起動しています …', 'Starting the agent …');
    const ready = await this.#launch(
      {
        name: 'agent',
        node: process.execPath,
        script: join(dist, 'agent.mjs'),
        args: ['--config', config],
        env: {},
        cwd: this.#layout.agentDir,
        logFile: join(this.#layout.logDir, 'agent.log'),
      },
      'agent',
    );
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

  #socket(name: 'signer' | 'admin'): string {
    return join(this.#layout.socketDir, `${name}.sock`);
  }

  #need(): Programs {
    if (!this.#programs) throw new Error('programs are staged first');
    return this.#programs;
  }

  /** Ends the agent first, so that nothing it saw stays unsent, then console and signer. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    for (const child of this.#children.reverse()) await child.stop();
    if (this.#start.options.agent) await this.#restoreKernel();
    this.#layout[Symbol.dispose]();
  }
}

function requireSpace(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize < MINIMUM_FREE_BYTES)
    throw fromSystemError(Object.assign(new Error('no space'), { code: 'ENOSPC' }), dataDir);
}

/** Fails in words when something already listens on the port. */
async function requireFreePort(port: number, option: string): Promise<void> {
  const taken = await new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
  if (!taken) return;
  throw new StartError('port_in_use', {
    ja: `ポート ${port} はほかのプログラムが使っています。${option} で別の番号を指定してください。`,
    en: `port ${port} is in use by another program. Choose another one with ${option}.`,
  });
}

function explainFailure(role: string, failure: Failure | undefined, logFile: string): StartError {
  if (failure?.code === 'database_damaged') {
    return new StartError('database_damaged', {
      ja: `${failure.message} 控えから戻すか、--data-dir で新しい場所を指定してください。`,
      en: `${failure.message} Restore it from a copy, or name a new place with --data-dir.`,
    });
  }
  const message = failure?.message ?? 'no reason given';
  return new StartError(failure?.code ?? 'process_failed', {
    ja: `${role} を起動できませんでした: ${message}(記録: ${logFile})`,
    en: `${role} did not start: ${message} (log: ${logFile})`,
  });
}
