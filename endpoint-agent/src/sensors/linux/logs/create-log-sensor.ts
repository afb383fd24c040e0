import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { SensorHealth } from '@yagura/protocol';
import type { Clock } from '../../../platform/clock.ts';
import { type LogPositions, openLogPositions } from '../../../state/log-positions.ts';
import type { Observation, Sensor, Sink } from '../../sensor.ts';
import { createBootTime } from '../capture/boot-time.ts';
import { LOG_FILES } from './catalogue.ts';
import { LOG_DECLARATION } from './declaration.ts';
import { createDescriber, type Describer, type LogProcesses } from './describe.ts';
import { type FollowedFiles, followFiles } from './files/follow-files.ts';
import { describeHealth } from './health.ts';
import { type FollowedJournal, followJournal, type JournalSettings, SYSTEM_JOURNAL } from './journal/follow-journal.ts';
import { createLineReader, type LineReader } from './read-line.ts';
import type { LogRecord } from './record.ts';
import { createTimeZone } from './time/local-time.ts';

export interface LogSensorOptions {
  /** The agent's directory for state that outlives it; how far each log was read is kept in it. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly processes: LogProcesses;
  readonly bootId: string;
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** What stands before every path; empty for the machine itself. */
  readonly root?: string;
  readonly journal?: JournalSettings;
  /** IANA name of the zone in which programs of this machine write times; by default the machine's. */
  readonly timeZone?: string;
}

/** In the state directory: how far each log was read. */
export const LOG_POSITIONS_FILE = 'log-positions.sqlite';

/** The machine's logs: journald where it runs, and files under /var/log. Works without root as far as files can be read. */
export function createLogSensor(options: LogSensorOptions): Sensor {
  return new LogSensor(options);
}

class LogSensor implements Sensor {
  readonly declaration = LOG_DECLARATION;
  readonly stopped: Promise<void>;
  readonly #options: LogSensorOptions;
  readonly #whenStopped = Promise.withResolvers<void>();
  readonly #describer: Describer;
  readonly #lines: LineReader;
  #positions: LogPositions | undefined;
  #files: FollowedFiles | undefined;
  #journal: FollowedJournal | undefined;
  #events = 0;
  #isStopped = false;

  constructor(options: LogSensorOptions) {
    this.#options = options;
    this.#describer = createDescriber(
      options.processes,
      createBootTime(() => options.clock.now()),
    );
    this.#lines = createLineReader(this.#describer, createTimeZone(options.timeZone), () => options.clock.now());
    this.stopped = this.#whenStopped.promise;
  }

  async start(sink: Sink, signal: AbortSignal): Promise<void> {
    if (this.#positions) throw new Error('the log sensor was started twice');
    if (signal.aborted) return this.#finish();
    const { clock, log } = this.#options;
    const { positions, damaged } = openLogPositions(join(this.#options.stateDir, LOG_POSITIONS_FILE), (path) =>
      renameSync(path, `${path}.damaged-${clock.now()}`),
    );
    if (damaged) log('positions in logs were damaged and are forgotten', {});
    this.#positions = positions;
    const files = followFiles({
      kinds: LOG_FILES,
      root: this.#options.root ?? '',
      clock,
      positions,
      take: (kind, lines, modifiedAt) => this.#deliver(sink, this.#lines.read(kind, lines, modifiedAt)),
      onError: (error) => log('a log could not be followed', { error: String(error) }),
    });
    this.#files = files;
    const journal = followJournal({
      settings: this.#options.journal ?? SYSTEM_JOURNAL,
      clock,
      bootId: this.#options.bootId.replaceAll('-', ''),
      positions,
      selfPid: process.pid,
      take: (records) =>
        this.#deliver(
          sink,
          records.map((record: LogRecord) => this.#describer.record(record)),
        ),
      onState: (state) => void files.select((kind) => state !== 'active' || !kind.isInJournal),
      log,
    });
    this.#journal = journal;
    signal.addEventListener('abort', () => void this.#stop(), { once: true });
    journal.start();
    await files.start();
  }

  health(): SensorHealth {
    const base = { name: this.declaration.name, events: this.#events };
    const files = this.#files;
    const journal = this.#journal;
    if (!files || !journal || this.#isStopped) return { ...base, state: 'stopped', lost: 0 };
    const lost = files.lost + journal.lost;
    return { ...base, lost, ...describeHealth({ files, journal, unsaved: this.#positions?.failures ?? 0 }) };
  }

  #deliver(sink: Sink, observations: readonly Observation[]): void {
    if (observations.length === 0) return;
    this.#events += observations.length;
    sink(observations);
  }

  async #stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    try {
      await this.#journal?.[Symbol.asyncDispose]();
      await this.#files?.[Symbol.asyncDispose]();
      this.#positions?.[Symbol.dispose]();
      this.#finish();
    } catch (error) {
      this.#whenStopped.reject(error);
    }
  }

  #finish(): void {
    this.#isStopped = true;
    this.#whenStopped.resolve();
  }
}
