/**
 * A program of its own that writes messages into the audit log as PAM, useradd and systemd do: `node
 * audit-message-child.ts TYPE TEXT [TYPE TEXT ...]`. Needs CAP_AUDIT_WRITE. Prints the kernel's answers.
 */
import {
  NETLINK_AUDIT,
  NLMSG_HEADER_BYTES,
  openNetlink,
} from '../../endpoint-agent/src/sensors/linux/native/netlink.ts';

const NLM_F_REQUEST = 1;
const socket = openNetlink(NETLINK_AUDIT, 0);
if (typeof socket === 'number') throw new Error(`audit: ${socket}`);
const words = process.argv.slice(2);
for (let at = 0; at + 1 < words.length; at += 2) {
  const text = Buffer.from(`${words[at + 1]}\0`);
  const message = Buffer.alloc(NLMSG_HEADER_BYTES + text.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(Number(words[at]), 4);
  message.writeUInt16LE(NLM_F_REQUEST, 6);
  text.copy(message, NLMSG_HEADER_BYTES);
  process.stdout.write(`${socket.send(message)}\n`);
}
socket.close();
