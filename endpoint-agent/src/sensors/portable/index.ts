import { homedir } from 'node:os';
import type { Clock } from '../../platform/clock.ts';
import type { LiveProcessTable } from '../../state/create-process-table.ts';
import { procReader } from '../../state/read-proc.ts';
import type { Sensor } from '../sensor.ts';
import { persistencePaths } from './persistence-paths.ts';
import { PersistenceWatcher } from './persistence-watcher.ts';
import { ProcessPoller } from './process-poller.ts';

export interface PortableSensorOptions {
  readonly clock: Clock;
  readonly processTable: LiveProcessTable;
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
  readonly userName?: (uid: number) => string;
  /** By default where programs of this machine and this user arrange to be started again. */
  readonly paths?: readonly string[];
}

/** What can be seen on Linux without root: polling and a short list of files. Both say that they are degraded. */
export function createPortableSensors(options: PortableSensorOptions): Sensor[] {
  const { clock, processTable, log } = options;
  return [
    new ProcessPoller({
      clock,
      readProc: procReader,
      table: processTable,
      userName: options.userName ?? String,
    }),
    new PersistenceWatcher({ clock, log, paths: options.paths ?? persistencePaths(homedir()) }),
  ];
}
