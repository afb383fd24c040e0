import { readFileSync } from 'node:fs';
import type { SensorHealth } from '@yagura/protocol';
import type { Clock } from '../../../platform/clock.ts';
import type { BaselineEntry, PersistenceBaseline } from '../../../state/persistence-baseline.ts';
import type { Observation, Sensor, SensorDeclaration, Sink } from '../../sensor.ts';
import { parseMountInfo } from '../fanotify/mounts.ts';
import { isSameEntry, type Origin, observeChange } from './describe-entry.ts';
import { findHomes, HOME_SOURCES, type HomeSources } from './homes.ts';
import { LocalPaths } from './local-paths.ts';
import { PendingPaths } from './pending-paths.ts';
import { PERSISTENCE_DECLARATION } from './persistence-declaration.ts';
import { DEFAULT_CATALOGUE, keysOf, type Place, type PlaceCatalogue, PlaceIndex } from './place-index.ts';
import { readEntry } from './read-entry.ts';

export interface PersistenceSensorOptions {
  readonly clock: Clock;
  /** Belongs to the sensor from here on. */
  readonly baseline: PersistenceBaseline;
  /** Takes secrets out of a text before it is stored or reported. */
  readonly mask: (text: string) => string;
  readonly userName: (uid: number) => string;
  /** How the sensor is whose file events are passed to `note`. */
  readonly filesHealth: () => SensorHealth | undefined;
  readonly catalogue?: PlaceCatalogue;
  readonly homeSources?: HomeSources;
}

/** Files settle this long before they are read: an editor's or `sed -i`'s temporary file is gone by then. */
const SETTLE_MS = 100;
const TICK_MS = 5_000;
/** Finds what file events do not tell: rights, writes through a mapping, events that were lost. */
const RESCAN_MS = 60_000;
const RESCAN_BLIND_MS = 15_000;
/** Files looked at before the event loop gets its turn: about a millisecond. */
const AT_ONCE = 100;
const MOUNT_INFO = '/proc/self/mountinfo';

/**
 * The places where programs arrange to be started again and people are let in, with what changed in them. Told
 * by the file events of another sensor (`note`), which also name the writer, and by looking at every place at
 * the start and once a minute. Not a watch on each file: measured over the 600 files of a small Debian, a look
 * costs 20 ms of CPU, holds no descriptor and takes 4 MB with its database; chokidar takes a watch for each of
 * 1,000 names and 16 MB, does not see what was mounted over, and never knows the writer.
 */
export class PersistenceSensor implements Sensor {
  readonly declaration: SensorDeclaration = PERSISTENCE_DECLARATION;
  readonly stopped: Promise<void>;
  readonly #options: PersistenceSensorOptions;
  readonly #whenStopped = Promise.withResolvers<void>();
  readonly #pending = new PendingPaths();
  #index: PlaceIndex;
  #local = new LocalPaths([]);
  #skippedHomes: readonly string[] = [];
  #sink: Sink = () => {};
  #state: 'idle' | 'running' | 'stopped' = 'idle';
  #queue: Promise<void> = Promise.resolve();
  #cancelFlush: (() => void) | undefined;
  #cancelTick = () => {};
  #scannedAt = Number.NEGATIVE_INFINITY;
  #filesLost = 0;
  #events = 0;
  #unreadable = new Set<string>();

  constructor(options: PersistenceSensorOptions) {
    this.#options = options;
    this.stopped = this.#whenStopped.promise;
    this.#index = new PlaceIndex({ system: [], home: [] }, [], this.#local);
  }

  /** Resolves after the first look, when what changed while the agent was off has been reported. */
  async start(sink: Sink, signal: AbortSignal): Promise<void> {
    if (this.#state !== 'idle') throw new Error('the persistence sensor was started twice');
    this.#sink = sink;
    if (signal.aborted) return this.#stop();
    this.#state = 'running';
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    this.#filesLost = this.#options.filesHealth()?.lost ?? 0;
    await this.#enqueue(() => this.#look({ foundBy: 'start', time: this.#options.clock.now() }));
    // What came between this look and the first file event is found by the next one.
    this.#scannedAt = Number.NEGATIVE_INFINITY;
    this.#tick();
  }

  /** Takes file events as another sensor reports them. Cheap for those that concern no place. */
  note(observations: readonly Observation[]): void {
    if (this.#state !== 'running') return;
    for (const observation of observations) this.#noteOne(observation);
    if (this.#pending.isEmpty || this.#cancelFlush) return;
    this.#cancelFlush = this.#options.clock.after(SETTLE_MS, () => {
      this.#cancelFlush = undefined;
      void this.#enqueue(() => this.#flush());
    });
  }

  health(): SensorHealth {
    const { baseline, filesHealth } = this.#options;
    const lost = baseline.dropped + this.#index.overflowed + this.#pending.overflowed;
    const base = { name: this.declaration.name, events: this.#events, lost };
    if (this.#state !== 'running') return { ...base, state: 'stopped' };
    const problems = [
      ...(filesHealth()?.state === 'active' ? [] : ['Changes are found by looking again; who made them is unknown.']),
      ...(this.#skippedHomes.length === 0 ? [] : [`Not looked into: ${this.#skippedHomes.slice(0, 10).join(', ')}.`]),
      ...(this.#unreadable.size === 0 ? [] : [`${this.#unreadable.size} files could not be read.`]),
    ];
    if (problems.length === 0) return { ...base, state: 'active' };
    return { ...base, state: 'degraded', code: 'persistence_partial', detail: problems.join(' ') };
  }

  #noteOne({ logsource, fields, time, bootTime, pid }: Observation): void {
    const { category } = logsource;
    if (category !== 'file_event' && category !== 'file_rename' && category !== 'file_delete') return;
    const { TargetFilename, SourceFilename, Image, User, IsDirectory } = fields;
    for (const path of [TargetFilename, SourceFilename]) {
      if (typeof path !== 'string') continue;
      const isConcerned = IsDirectory === true ? this.#index.concerns(path) : this.#index.find(path) !== undefined;
      const isPasswd = path === this.#homeSources.passwd;
      if (!isConcerned && !isPasswd) continue;
      this.#pending.add(path, IsDirectory === true || isPasswd, {
        foundBy: 'event',
        time,
        ...(bootTime === undefined ? {} : { bootTime }),
        ...(pid === undefined ? {} : { pid }),
        ...(typeof Image === 'string' ? { image: Image } : {}),
        ...(typeof User === 'string' ? { user: User } : {}),
      });
    }
  }

  get #catalogue(): PlaceCatalogue {
    return this.#options.catalogue ?? DEFAULT_CATALOGUE;
  }

  get #homeSources(): HomeSources {
    return this.#options.homeSources ?? HOME_SOURCES;
  }

  async #flush(): Promise<void> {
    const { files, directories } = this.#pending.take();
    // New accounts bring homes with files of their own, made by the same hand.
    const account = directories.get(this.#homeSources.passwd);
    if (account) await this.#look(account);
    else if (directories.size > 0) this.#findPlaces();
    else this.#refreshMounts();
    await this.#checkAll(files);
    for (const [directory, origin] of directories) await this.#checkAll(this.#below(directory, origin));
  }

  #tick(): void {
    if (this.#state !== 'running') return;
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick());
    const files = this.#options.filesHealth();
    const hasLost = (files?.lost ?? 0) > this.#filesLost;
    const every = files?.state === 'active' ? RESCAN_MS : RESCAN_BLIND_MS;
    const isDue = this.#options.clock.monotonic() - this.#scannedAt >= every;
    if (!hasLost && !isDue && !this.#pending.wantsRescan) return;
    this.#filesLost = files?.lost ?? 0;
    this.#pending.wantsRescan = false;
    this.#scannedAt = this.#options.clock.monotonic();
    void this.#enqueue(() => this.#look({ foundBy: 'rescan', time: this.#options.clock.now() }));
  }

  async #look(origin: Origin): Promise<void> {
    this.#findPlaces();
    this.#unreadable = new Set();
    this.#scannedAt = this.#options.clock.monotonic();
    const seen = new Set<string>();
    await this.#checkAll(pairs(this.#index.paths(), origin), seen);
    await this.#checkAll(this.#missing(origin, seen));
    if (this.#state === 'running') this.#options.baseline.complete(keysOf(this.#catalogue));
  }

  *#below(directory: string, origin: Origin): IterableIterator<[string, Origin]> {
    yield* pairs(this.#index.paths(directory), origin);
    const known = [...this.#options.baseline.paths()].filter((path) => path.startsWith(`${directory}/`));
    yield* pairs(known, origin);
  }

  /**
   * Known files that a look did not find. A home of which nothing at all is left counts as locked (encrypted,
   * not mounted), not as emptied.
   */
  *#missing(origin: Origin, seen: ReadonlySet<string>): IterableIterator<[string, Origin]> {
    const known = [...this.#options.baseline.paths()];
    const open = new Set(known.filter((path) => seen.has(path)).map((path) => this.#index.find(path)?.home?.path));
    for (const path of known) {
      const home = this.#index.find(path)?.home?.path;
      if (!seen.has(path) && (home === undefined || open.has(home))) yield [path, origin];
    }
  }

  #findPlaces(): void {
    this.#refreshMounts();
    const { homes, skipped } = findHomes(this.#local, this.#homeSources);
    this.#skippedHomes = skipped;
    const overflowed = this.#index.overflowed;
    this.#index = new PlaceIndex(this.#catalogue, homes, this.#local);
    this.#index.overflowed = overflowed;
  }

  #refreshMounts(): void {
    this.#local = new LocalPaths(parseMountInfo(readFileSync(MOUNT_INFO)));
  }

  /** With `seen`, files that are there are noted in it, and those that are not are left for later. */
  async #checkAll(paths: Iterable<readonly [string, Origin]>, seen?: Set<string>): Promise<void> {
    let count = 0;
    let found: Observation[] = [];
    let changes = new Map<string, BaselineEntry | undefined>();
    const settle = () => {
      // Reported first: what a crash loses in between is found again at the next start.
      if (found.length > 0) this.#sink(found);
      this.#events += found.length;
      this.#options.baseline.save(changes);
      found = [];
      changes = new Map();
    };
    for (const [path, origin] of paths) {
      const place = this.#index.find(path);
      const observation = place && this.#check(path, place, origin, changes, seen);
      if (observation) found.push(observation);
      count += 1;
      if (count % AT_ONCE !== 0) continue;
      settle();
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#state !== 'running') return;
    }
    settle();
  }

  #check(
    path: string,
    place: Place,
    origin: Origin,
    changes: Map<string, BaselineEntry | undefined>,
    seen: Set<string> | undefined,
  ): Observation | undefined {
    const { baseline, mask, userName } = this.#options;
    if (!this.#local.isLocal(path)) return undefined;
    const reading = readEntry(path, baseline.signatureOf(path), place.home?.uid);
    if (reading.kind !== 'gone') seen?.add(path);
    else if (seen) return undefined;
    if (reading.kind === 'unreadable') this.#unreadable.add(path);
    if (reading.kind === 'unreadable' || reading.kind === 'same') return undefined;
    const before = baseline.read(path);
    if (reading.kind === 'gone') {
      if (baseline.signatureOf(path) === undefined) return undefined;
      changes.set(path, undefined);
      return observeChange({ path, place, before, after: undefined }, origin, userName);
    }
    const { content, cut, modifiedAt, ...facts } = reading.facts;
    const after: BaselineEntry = {
      ...facts,
      key: place.key,
      ...(content === undefined ? {} : { content: mask(content) }),
    };
    changes.set(path, after);
    if (before ? isSameEntry(before, after) : !baseline.keys.has(place.key)) return undefined;
    return observeChange({ path, place, before, after, modifiedAt, ...(cut ? { cut } : {}) }, origin, userName);
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#state === 'running') await task();
    });
    return this.#queue;
  }

  #stop(): void {
    this.#state = 'stopped';
    this.#cancelFlush?.();
    this.#cancelTick();
    this.#queue
      .finally(() => this.#options.baseline[Symbol.dispose]())
      .then(this.#whenStopped.resolve, this.#whenStopped.reject);
  }
}

function* pairs(paths: Iterable<string>, origin: Origin): IterableIterator<[string, Origin]> {
  for (const path of paths) yield [path, origin];
}
