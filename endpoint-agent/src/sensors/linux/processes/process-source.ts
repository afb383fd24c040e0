import { constants } from 'node:os';
import type { SensorHealth } from '@yagura/protocol';
import { errnoName, libc, O } from '../../../native/libc.ts';
import { FORK_SERVICE } from '../../../state/create-process-table.ts';
import type { BootTime } from '../capture/boot-time.ts';
import type { CanaryClaims } from '../capture/canaries.ts';
import type { CaptureSource, SourceSink } from '../capture/source.ts';
import { NETLINK_CONNECTOR, type NetlinkSocket, openNetlink } from '../native/netlink.ts';
import { POLLIN } from '../native/poll-set.ts';
import { decodeConnectorMessage, decodeExitStatus, listenMessage, PROCESSES_ONLY } from './connector-message.ts';

export interface ProcessSourceOptions {
  /** Takes forks at once: what a child does must find the child. */
  readonly sink: SourceSink;
  /** Takes exits later: what a process did before must find it alive. */
  readonly lateSink: SourceSink;
  readonly bootTime: BootTime;
  readonly canaries: CanaryClaims;
  readonly onFork: (pid: number, parentPid: number) => void;
}

const GROUP_PROC = 1;
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
const MESSAGES_PER_READ = 2_000;
const MS_PER_TICK = 10;
/** How far /proc's start time and the fork's time may lie apart for the same process, in milliseconds. */
const SAME_START_MS = 50;
const ENOBUFS = -constants.errno.ENOBUFS;

/**
 * Forks and exits from the kernel's process connector. It was chosen over pidfds because it sees every
 * process (a pidfd has to be opened while the process lives) and gives the exit status of processes that
 * are not our children.
 */
export function createProcessSource(options: ProcessSourceOptions): CaptureSource {
  const { sink, lateSink, bootTime, canaries } = options;
  const buffer = Buffer.alloc(4_096);
  const stat = Buffer.alloc(1_024);
  let socket: NetlinkSocket | undefined;
  let failure: number | undefined;
  let events = 0;
  let dropped = 0;

  /** Field 22 of /proc/PID/stat, if the process that was forked is still there. */
  function startTicksOf(pid: number, forkedAt: number): number | undefined {
    const calls = libc();
    const fd = calls.open(Buffer.from(`/proc/${pid}/stat`), O.RDONLY);
    if (fd < 0) return undefined;
    const length = calls.read(fd, stat);
    calls.close(fd);
    if (length <= 0) return undefined;
    const text = stat.toString('latin1', 0, length);
    const ticks = Number(text.slice(text.lastIndexOf(')') + 2).split(' ', 20)[19]);
    // Else the pid is another process's already, or the text was cut.
    return Math.abs(ticks * MS_PER_TICK - forkedAt) <= SAME_START_MS ? ticks : undefined;
  }

  function handle(message: Buffer): void {
    const event = decodeConnectorMessage(message);
    if (!event) return;
    const isCanary = event.kind === 'fork' ? canaries.fork(event.pid, event.parentPid) : canaries.exit(event.pid);
    if (isCanary) return;
    events += 1;
    const times = bootTime.ofMonotonic(event.monotonicMs);
    if (event.kind === 'fork') {
      options.onFork(event.pid, event.parentPid);
      const startTicks = startTicksOf(event.pid, times.bootTime);
      sink.push('linux-processes', {
        logsource: { product: 'linux', service: FORK_SERVICE },
        ...times,
        pid: event.pid,
        parentPid: event.parentPid,
        fields: startTicks === undefined ? {} : { StartTicks: startTicks },
      });
      return;
    }
    const { exitCode, signal } = decodeExitStatus(event.status);
    lateSink.push('linux-processes', {
      logsource: { product: 'linux', category: 'process_termination' },
      ...times,
      pid: event.pid,
      exitCode,
      fields: { ProcessId: event.pid, ExitCode: exitCode, ...(signal === undefined ? {} : { ExitSignal: signal }) },
    });
  }

  function start(): void {
    failure = undefined;
    const opened = openNetlink(NETLINK_CONNECTOR, GROUP_PROC);
    if (typeof opened === 'number') {
      failure = opened;
      return;
    }
    opened.setReceiveBuffer(RECEIVE_BUFFER_BYTES);
    opened.filter(PROCESSES_ONLY);
    const sent = opened.send(listenMessage());
    if (sent < 0) failure = sent;
    socket = opened;
  }

  function stop(): void {
    dropped += socket?.dropped() ?? 0;
    socket?.close();
    socket = undefined;
  }

  return {
    name: 'linux-processes',
    start,
    descriptors: () => (socket ? [{ fd: socket.fd, events: POLLIN }] : []),
    read() {
      if (!socket) return false;
      for (let count = 0; count < MESSAGES_PER_READ; count += 1) {
        if (lateSink.full) return true;
        const received = socket.receive(buffer);
        if (received === ENOBUFS) continue;
        if (received < 0) return false;
        handle(buffer.subarray(0, received));
      }
      return true;
    },
    held: 0,
    tick() {},
    patienceMs: Number.POSITIVE_INFINITY,
    health(): SensorHealth {
      const base = { name: 'linux-processes', events, lost: dropped + (socket?.dropped() ?? 0) };
      if (failure === undefined) return { ...base, state: 'active' };
      const code = errnoName(failure) === 'EPERM' ? 'needs_root' : 'connector_unavailable';
      return { ...base, state: 'blind', code, detail: `The process connector refused: ${errnoName(failure)}.` };
    },
    restart() {
      stop();
      start();
    },
    stop,
  };
}
