import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { normaliseWindowsEvent, readEvtx, type WindowsEvent } from '../../endpoint-agent/src/core/index.ts';
import { regressionCases, TESTDATA } from './public-test-data.ts';

/** The log of an attack or a simulation of one, with whatever else the machine did at the time. */
export interface RecordedAttack {
  /** The log's file name, or the regression case's folder. */
  readonly name: string;
  readonly events: readonly WindowsEvent[];
}

/** Every recorded Windows log of the public test data, the regression cases included, by name. */
export function recordedAttacks(): readonly RecordedAttack[] {
  const root = join(TESTDATA, 'evtx');
  const logs = globSync('**/*.evtx', { cwd: root })
    .sort()
    .map((path) => ({ name: basename(path, '.evtx'), events: eventsOf(readFileSync(join(root, path))) }));
  const cases = regressionCases().map(({ name, events }) => ({ name: basename(name), events }));
  return [...logs, ...cases];
}

function eventsOf(log: Uint8Array): readonly WindowsEvent[] {
  const events: WindowsEvent[] = [];
  for (const record of readEvtx(log)) {
    const result = record.ok ? normaliseWindowsEvent(record.record) : record;
    if (result.ok) events.push(result.event);
  }
  return events;
}
