import type { EventCategory, SensorHealth } from '@yagura/protocol';
import { type FSWatcher, watch } from 'chokidar';
import { encodePath } from '../../native/path-bytes.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Sensor, SensorDeclaration, Sink } from '../sensor.ts';
import { NEEDS_ROOT } from './needs-root.ts';

export interface PersistenceWatcherOptions {
  readonly clock: Clock;
  readonly paths: readonly string[];
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/** Directories below a watched place that are followed. */
const DEPTH = 3;

/** Files in the places where programs arrange to be started again. Does not know who wrote them. */
export class PersistenceWatcher implements Sensor {
  readonly declaration: SensorDeclaration = {
    name: 'portable-files',
    provides: [
      { category: 'file_event', fields: ['TargetFilename', 'Operation'] },
      { category: 'file_delete', fields: ['TargetFilename'] },
    ],
  };
  readonly stopped: Promise<void>;
  readonly #options: PersistenceWatcherOptions;
  readonly #whenStopped = Promise.withResolvers<void>();
  #watcher: FSWatcher | undefined;
  #events = 0;
  #refused = 0;

  constructor(options: PersistenceWatcherOptions) {
    this.#options = options;
    this.stopped = this.#whenStopped.promise;
  }

  async start(sink: Sink, signal: AbortSignal): Promise<void> {
    if (this.#watcher) throw new Error('the persistence watcher was started twice');
    if (signal.aborted) return this.#whenStopped.resolve();
    const watcher = watch([...this.#options.paths], { ignoreInitial: true, followSymlinks: false, depth: DEPTH });
    this.#watcher = watcher;
    signal.addEventListener('abort', () => void this.#stop(), { once: true });
    const emit = (category: EventCategory, path: string, operation?: string) => {
      this.#events += 1;
      sink([
        {
          logsource: { product: 'linux', category },
          time: this.#options.clock.now(),
          fields: { TargetFilename: encodePath(Buffer.from(path)), ...(operation ? { Operation: operation } : {}) },
        },
      ]);
    };
    watcher.on('add', (path) => emit('file_event', path, 'create'));
    watcher.on('change', (path) => emit('file_event', path, 'write'));
    watcher.on('unlink', (path) => emit('file_delete', path));
    // A place that this user may not read; the others go on.
    watcher.on('error', (error) => {
      this.#refused += 1;
      if (this.#refused === 1) this.#options.log('a persistence place cannot be watched', { error: String(error) });
    });
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
  }

  health(): SensorHealth {
    const base = { name: this.declaration.name, events: this.#events, lost: 0 };
    return this.#watcher ? { ...base, state: 'degraded', ...NEEDS_ROOT } : { ...base, state: 'stopped' };
  }

  async #stop(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    try {
      await watcher?.close();
    } finally {
      this.#whenStopped.resolve();
    }
  }
}
