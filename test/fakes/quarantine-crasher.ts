/**
 * Runs one action on a file and ends itself by SIGKILL at the named step, as a crash would. Prints `begun` when
 * it starts and the outcome if it survives.
 * Arguments: state folder, `quarantine` or `restore` or `delete`, path or id, step, `nameless` or `named`.
 */
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import { createLinuxResponder } from '../../endpoint-agent/src/responses/linux/create-linux-responder.ts';

const [stateDir = '', action = '', subject = '', step = '', names = 'nameless'] = process.argv.slice(2);
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const responder = await createLinuxResponder({
  stateDir,
  clock: systemClock,
  selfPid: process.pid,
  log: silent,
  bootId: 'boot-1',
  limits: { reserveBytes: 0 },
  namelessFiles: names === 'nameless',
  reached: (reached) => {
    if (reached === step) process.kill(process.pid, 'SIGKILL');
  },
});
const context = { actionId: `crash-${action}`, origin: 'policy' as const, storyId: 'story-1' };
process.stdout.write('begun\n');
const outcome =
  action === 'quarantine'
    ? await responder.quarantineFile(subject, {}, context)
    : action === 'restore'
      ? await responder.restoreFile(subject, context)
      : await responder.deleteQuarantined(subject, context);
process.stdout.write(`${JSON.stringify(outcome)}\n`);
