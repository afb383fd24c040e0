import { type ChildProcess, spawn } from 'node:child_process';
import type { RunAs } from './layout.ts';
import { RotatingLog } from './rotating-log.ts';

const STOP_PATIENCE_MS = 15_000;
const NODE_ARGUMENTS = ['--disable-warning=ExperimentalWarning'];
const TAIL_CHARS = 16_384;

export interface ChildSpec {
  readonly name: string;
  readonly node: string;
  /** What Node.js itself takes. */
  readonly nodeArguments?: readonly string[];
  readonly script: string;
  readonly args?: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly user?: RunAs;
  readonly logFile: string;
}

/** One line of a child's log, as far as the launcher needs it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/**
 * One process of the local installation. It runs in a process group of its own, so that Ctrl-C reaches the
 * launcher alone, and ends by itself when the launcher dies (its IPC channel closes).
 */
export class Child {
  readonly name: string;
  readonly pid: number | undefined;
  /** Resolves with what the process sent when it was ready; rejects when it ended before. */
  readonly ready: Promise<Record<string, unknown>>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #process: ChildProcess;
  #tail = '';

  constructor(spec: ChildSpec) {
    this.name = spec.name;
    const log = new RotatingLog(spec.logFile);
    this.#process = spawn(
      spec.node,
      [...NODE_ARGUMENTS, ...(spec.nodeArguments ?? []), spec.script, ...(spec.args ?? [])],
      {
        cwd: spec.cwd,
        env: {
          PATH: process.env['PATH'],
          HOME: spec.cwd,
          LANG: process.env['LANG'],
          TZ: process.env['TZ'],
          ...spec.env,
        },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: true,
        ...(spec.user ? { uid: spec.user.uid, gid: spec.user.gid } : {}),
      },
    );
    this.pid = this.#process.pid;
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        log.write(chunk);
        this.#tail = (this.#tail + chunk.toString('utf8')).slice(-TAIL_CHARS);
      });
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => {
        void log.end();
        resolve({ code, signal });
      });
      this.#process.once('error', (error) => {
        this.#tail += `\n${JSON.stringify({ code: 'spawn_failed', msg: error.message })}`;
        void log.end();
        resolve({ code: null, signal: null });
      });
    });
    this.ready = new Promise((resolve, reject) => {
      this.#process.on('message', (message: unknown) => {
        if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready') {
          resolve({ ...message });
        }
      });
      void this.exited.then(() => reject(new Error(`${this.name} ended before it was ready`)));
    });
    this.ready.catch(() => undefined);
  }

  /** The last failure that the process logged with a stable code, if it did. */
  lastFailure(): Failure | undefined {
    for (const line of this.#tail.split('\n').reverse()) {
      try {
        const record: unknown = JSON.parse(line);
        if (typeof record === 'object' && record !== null && 'code' in record && typeof record.code === 'string') {
          const message = 'msg' in record && typeof record.msg === 'string' ? record.msg : record.code;
          return { code: record.code, message };
        }
      } catch {
        // Not a line of the JSON log.
      }
    }
    const text = this.#tail.trim().split('\n').at(-1);
    return text ? { code: 'process_failed', message: text.slice(0, 300) } : undefined;
  }

  /** Asks it to end and waits; after 15 s it is killed. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_PATIENCE_MS);
    await this.exited;
    clearTimeout(timer);
  }
}
