/**
 * A process of its own that runs the real sensors (`capture-reporter.ts FOLDER [AUDIT_BUFFER_BYTES]`) and answers questions on its standard input, one line each:
 * `count MARK` with `{"seen": distinct starts whose argument begins with MARK, "lost", "state"}`, `end` by ending.
 * Prints `ready` first. Its caller may stop and continue it with signals.
 */
import { createInterface } from 'node:readline';
import { startCapture } from './capture-probe.ts';

const [folder = '', auditBufferBytes] = process.argv.slice(2);
const marks = new Set<string>();
await using probe = await startCapture({
  folder,
  sources: ['linux-audit', 'linux-processes'],
  ...(auditBufferBytes === undefined ? {} : { auditBufferBytes: Number(auditBufferBytes) }),
  onSeen: ({ fields }) => {
    const mark = / (stall-[a-z]+-\d+)$/.exec(String(fields['CommandLine']))?.[1];
    if (mark) marks.add(mark);
  },
});
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break;
  const prefix = `${line.slice('count '.length)}-`;
  const { lost, state } = probe.healthOf('linux-audit');
  const seen = [...marks].filter((mark) => mark.startsWith(prefix));
  process.stdout.write(`${JSON.stringify({ seen: seen.length, lost, state })}\n`);
}
