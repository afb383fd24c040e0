import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSync } from 'node:fs';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import { createLinuxProcessTable } from '../../endpoint-agent/src/sensors/linux/index.ts';
import { createLogSensor } from '../../endpoint-agent/src/sensors/linux/logs/create-log-sensor.ts';

/**
 * The log sensor in a process of its own, so that a test can kill it: prints `ready`, then the message of each
 * event as it is handed on. The argument is the folder that stands for the machine.
 */
const root = process.argv[2];
if (root === undefined) throw new Error('which folder?');
const sensor = createLogSensor({
  stateDir: join(root, 'state'),
  clock: systemClock,
  processes: createLinuxProcessTable(systemClock),
  bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  log: () => undefined,
  root,
  journal: { journalctl: '/nonexistent', extraArguments: [], socket: '/nonexistent', folders: [] },
});
await sensor.start((observations) => {
  // Synchronous: what was handed on must be out before a kill can come.
  writeSync(1, observations.map(({ fields }) => `${String(fields['Message'])}\n`).join(''));
}, new AbortController().signal);
writeSync(1, 'ready\n');
setInterval(() => undefined, 60_000);
