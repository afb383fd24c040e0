/**
 * A process of its own that runs the real sensors (`sensors STATE_DIR`) or only registers as the audit daemon
 * (`daemon`), until it is killed or its standard input ends. Prints `ready` when it is.
 */
import { registerDaemon } from '../../endpoint-agent/src/sensors/linux/audit/control.ts';
import { NETLINK_AUDIT, openNetlink } from '../../endpoint-agent/src/sensors/linux/native/netlink.ts';
import { startCapture } from './capture-probe.ts';

const [role, folder] = process.argv.slice(2);

async function stdinEnds(): Promise<void> {
  for await (const _ of process.stdin);
}

if (role === 'sensors' && folder) {
  const probe = await startCapture({ folder });
  process.stdout.write(`ready ${probe.healthOf('linux-audit').state}\n`);
  await stdinEnds();
  await probe[Symbol.asyncDispose]();
} else {
  const socket = openNetlink(NETLINK_AUDIT, 0);
  if (typeof socket === 'number') throw new Error(`netlink: ${socket}`);
  let records = 0;
  const result = registerDaemon(socket, process.pid, () => void (records += 1));
  if (result < 0) throw new Error(`register: ${result}`);
  const buffer = Buffer.alloc(16_384);
  const timer = setInterval(() => {
    while (socket.receive(buffer) > 0) records += 1;
  }, 5);
  process.stdout.write('ready\n');
  await stdinEnds();
  clearInterval(timer);
  registerDaemon(socket, 0, () => {});
  socket.close();
  process.stdout.write(`records ${records}\n`);
}
