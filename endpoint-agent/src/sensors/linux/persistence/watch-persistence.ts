import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../platform/clock.ts';
import { openPersistenceBaseline } from '../../../state/persistence-baseline.ts';
import { overhear } from '../../overhear.ts';
import type { Sensor } from '../../sensor.ts';
import { createUserNames } from '../capture/user-names.ts';
import type { HomeSources } from './homes.ts';
import { PersistenceSensor } from './persistence-sensor.ts';
import type { PlaceCatalogue } from './place-index.ts';

export interface WatchPersistenceOptions {
  /** Keeps what the places held when the agent last looked. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** Takes secrets out of a text. */
  readonly mask: (text: string) => string;
  readonly catalogue?: PlaceCatalogue;
  readonly homeSources?: HomeSources;
}

/** The same sensors and one more: it listens to the one that reports files, and so knows who changed a place. */
export function watchPersistence(sensors: readonly Sensor[], options: WatchPersistenceOptions): Sensor[] {
  const { stateDir, clock, log, mask, catalogue, homeSources } = options;
  const { baseline, damaged } = openPersistenceBaseline(join(stateDir, 'persistence.sqlite'), (path) =>
    renameSync(path, `${path}.damaged-${clock.now()}`),
  );
  if (damaged) log('the record of persistence places was damaged and set aside', { code: 'persistence_damaged' });
  const files = sensors.find(({ declaration }) => declaration.provides.some((one) => one.category === 'file_event'));
  const persistence = new PersistenceSensor({
    clock,
    baseline,
    mask,
    userName: createUserNames(() => clock.monotonic()),
    filesHealth: () => files?.health(),
    ...(catalogue ? { catalogue } : {}),
    ...(homeSources ? { homeSources } : {}),
  });
  const heard = sensors.map((sensor) =>
    sensor === files ? overhear(sensor, (observations) => persistence.note(observations)) : sensor,
  );
  return [...heard, persistence];
}
