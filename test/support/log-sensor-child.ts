import { writeSync } from 'node:fs';
import { startLogProbe } from './log-probe.ts';

/**
 * The log sensor in a process of its own, so that a test can kill it: prints `ready`, then the message of each
 * event as it is handed on. The argument is the folder that stands for the machine.
 */
const root = process.argv[2];
if (root === undefined) throw new Error('which folder?');
await startLogProbe(root, {}, (observations) => {
  // Synchronous: what was handed on must be out before a kill can come.
  writeSync(1, observations.map(({ fields }) => `${String(fields['Message'])}\n`).join(''));
});
writeSync(1, 'ready\n');
setInterval(() => undefined, 60_000);
