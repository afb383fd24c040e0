import type { SensorHealth } from '@yagura/protocol';
import type { AuditDemand } from '../audit/raw/audit-demand.ts';
import type { WatchedPath } from '../audit/rules.ts';
import type { Parcel } from './outbox.ts';
import type { SourceName } from './source.ts';

/** What the capture worker is started with. */
export interface CaptureWorkerData {
  /** The file that holds the former kernel state while ours is in force. */
  readonly stateFile: string;
  readonly sources: readonly SourceName[];
  /** Files and directories of which file events are not reported: the agent's own data. */
  readonly ignorePaths: readonly string[];
  readonly watched: readonly WatchedPath[];
  /** What rules can use of the raw audit log, at the start. */
  readonly demand: AuditDemand;
  /** Of the audit socket; absent for the sensor's own choice. */
  readonly auditBufferBytes?: number;
  /** One Int32 that the worker counts up on every turn. */
  readonly heartbeat: SharedArrayBuffer;
  /** Becomes readable when the main thread has something to say; negative when there is none. */
  readonly wakeUp: number;
}

/** From the worker to the main thread. */
export type FromWorker =
  | { readonly type: 'ready'; readonly health: readonly SensorHealth[] }
  | { readonly type: 'batch'; readonly parcels: readonly Parcel[] }
  /** Also names the open descriptors, so that they can be closed should the worker die. */
  | { readonly type: 'health'; readonly health: readonly SensorHealth[]; readonly descriptors: readonly number[] }
  | { readonly type: 'stopped'; readonly health: readonly SensorHealth[] };

/** From the main thread to the worker. */
export type ToWorker =
  | { readonly type: 'taken' }
  | { readonly type: 'stop' }
  /** Other rules are loaded. */
  | { readonly type: 'demand'; readonly demand: AuditDemand }
  /** Blocks the worker's thread for this long, for measuring what a stalled reader costs. */
  | { readonly type: 'stall'; readonly milliseconds: number };
