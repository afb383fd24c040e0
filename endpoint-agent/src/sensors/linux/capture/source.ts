import type { SensorHealth } from '@yagura/protocol';
import type { Observation } from '../../sensor.ts';
import type { ExecutedImage } from '../audit/observations.ts';

/** The parts of one capture worker, each a sensor of its own to the rest of the agent. */
export const SOURCE_NAMES = ['linux-audit', 'linux-processes', 'linux-files', 'linux-network'] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

export { TAMPER_SERVICE } from '../../sensor.ts';

/** Where a source puts what it saw. While it is full a source puts nothing more there. */
export interface SourceSink {
  push(source: SourceName, observation: Observation, image?: ExecutedImage): void;
  readonly full: boolean;
}

/** One kernel interface, read without blocking by the capture worker's only thread. */
export interface CaptureSource {
  readonly name: SourceName;
  /** Opens and subscribes. What it cannot have is said by `health`, never thrown. */
  start(): void;
  /** Descriptors to wait on; asked anew after each tick, since they may change. */
  descriptors(): readonly { readonly fd: number; readonly events: number }[];
  /** Reads a bounded amount; true when more is waiting. */
  read(): boolean;
  /** Observations held back for a moment: `read` is to be called again soon. */
  readonly held: number;
  /** Milliseconds after which `read` is to be called although no descriptor is ready. */
  readonly patienceMs: number;
  /** Called about every 250 ms: timeouts, checks of the kernel's state. */
  tick(): void;
  health(): SensorHealth;
  /** Opens everything anew: what was open sees nothing any more. */
  restart(): void;
  /** Puts the kernel's state back and closes. Safe to call twice. */
  stop(): void;
}
