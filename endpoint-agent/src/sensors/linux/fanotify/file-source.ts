import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants, release } from 'node:os';
import type { SensorHealth } from '@yagura/protocol';
import { errnoName, libc } from '../../../native/libc.ts';
import { encodePath } from '../../../native/path-bytes.ts';
import type { Observation } from '../../sensor.ts';
import type { BootTime } from '../capture/boot-time.ts';
import type { CanaryClaims } from '../capture/canaries.ts';
import type { ProcessOwners } from '../capture/process-owners.ts';
import { type CaptureSource, type SourceSink, TAMPER_SERVICE } from '../capture/source.ts';
import { EVENT, fanotifyInit, INIT } from '../native/fanotify.ts';
import { createPollSet, POLLERR, POLLIN, POLLPRI, type PollSet } from '../native/poll-set.ts';
import { AttributeGate } from './attribute-gate.ts';
import { DeafSpan } from './deaf-span.ts';
import { isBelow } from './directory-cache.ts';
import { readEvents } from './event-reader.ts';
import { FileEvents } from './file-events.ts';
import { createFileObserver } from './file-observation.ts';
import { FilesystemMarks } from './filesystem-marks.ts';
import { MountNamespaces } from './mount-namespaces.ts';
import { isAnsweredByOthers, type Mount, parseMountInfo } from './mounts.ts';
import { openMount } from './open-mount.ts';
import { OverlayWrites, tellsBelowOverlays } from './overlay-writes.ts';
import { RESCANNED_FOLDERS, Rescan } from './rescan.ts';
import { COALESCER_LIMITS, type FileAct, WriteCoalescer } from './write-coalescer.ts';

export interface FileSourceOptions {
  readonly sink: SourceSink;
  readonly bootTime: BootTime;
  readonly monotonic: () => number;
  readonly canaries: CanaryClaims;
  /** Nothing at or below these is reported. */
  readonly ignorePaths: readonly string[];
  readonly userName: (uid: number) => string;
  readonly owners: ProcessOwners;
}

const READ_BYTES = 256 * 1024;
const READS_PER_TURN = 8;
const EINVAL = -constants.errno.EINVAL;
/** How often the kernel's list of our marks is compared with what we set. */
const VERIFY_EVERY_MS = 10_000;
/** How long a tampering that was mended is still shown. */
const SHOWN_MS = 120_000;
/** Between two walks after overflows: a machine whose queue is always full is not to be walked all the time. */
const RESCAN_EVERY_MS = 30_000;
/** Times of files are as coarse as the scheduler's tick. */
const COARSE_MS = 50;
/** A mount in another namespace is noticed within this time, where nobody tells of it. */
const FIRST_LOOK_BACK_MS = 30_000;
const WATCHED = EVENT.CREATE | EVENT.CLOSE_WRITE | EVENT.DELETE | EVENT.ATTRIB | EVENT.ONDIR;
const MOUNT_INFO = '/proc/self/mountinfo';
const NOTIFICATION = INIT.CLOEXEC | INIT.NONBLOCK | INIT.UNLIMITED_MARKS | INIT.REPORT_DIR_FID | INIT.REPORT_NAME;
const WITH_TARGET = NOTIFICATION | INIT.REPORT_FID | INIT.REPORT_TARGET_FID;

/** The file sensor, which can say of which directories it hears. */
export interface FileSource extends CaptureSource {
  covers(directory: string): boolean;
  /** This process lives in another mount namespace, or (`changed`) has just mounted something there. */
  noteNamespace(pid: number, changed: boolean, inode?: number): void;
}

/** Files created, written, renamed, deleted and given other attributes, with the process that did it. */
export function createFileSource(options: FileSourceOptions): FileSource {
  const { sink, bootTime, monotonic, ignorePaths, canaries, userName } = options;
  const buffer = Buffer.alloc(READ_BYTES);
  const coalescer = new WriteCoalescer(emit, COALESCER_LIMITS, (pid) => options.owners.of(pid, monotonic()));
  const gate = new AttributeGate();
  const namespaces = new MountNamespaces();
  const memberOf = (namespace: number) => namespaces.memberOf(namespace);
  const observer = createFileObserver({ bootTime, userName, memberOf });
  const fileEvents = new FileEvents({
    ownPid: process.pid,
    ignorePaths,
    canaries,
    find: (entry) => marks?.find(entry),
    add: (act) => coalescer.add(act),
  });
  const rescan = new Rescan((file) => push(observer.observeRescanned(file)));
  let marks: FilesystemMarks | undefined;
  let overlays: OverlayWrites | undefined;
  let group = -1;
  let mountInfo: number | undefined;
  let mountsChanged: PollSet | undefined;
  let failure: number | undefined;
  let events = 0;
  let overflows = 0;
  let verifiedAt = 0;
  let marksTakenAt = Number.NEGATIVE_INFINITY;
  /** Everything that happened before was read: the queue was empty then. */
  let heardUntil = monotonic();
  const deaf = new DeafSpan(heardUntil, RESCAN_EVERY_MS);

  function push(observation: Observation): void {
    events += 1;
    sink.push('linux-files', observation);
  }

  function emit(act: FileAct): void {
    if (act.kind !== 'file_change') return push(observer.observe(act));
    // What gives its starter more rights is always told singly.
    const told = observer.observeAttributes(
      act,
      (grantsRights) => grantsRights || gate.admit(act.pid, act.path, act.at, act.mountNamespace),
    );
    if (told) push(told);
  }

  function tamperedWith(mountPoints: readonly string[], now: number): void {
    marksTakenAt = now;
    events += 1;
    const { time, bootTime: sinceBoot } = bootTime.ofMonotonic(now);
    sink.push('linux-files', {
      logsource: { product: 'linux', service: TAMPER_SERVICE },
      time,
      bootTime: sinceBoot,
      fields: {
        EventType: 'file_marks_removed',
        Sensor: 'linux-files',
        Details: `The marks on ${mountPoints.slice(0, 10).join(', ')} were taken away; put back.`,
        Mended: true,
        Count: mountPoints.length,
      },
    });
  }

  /** What a new filesystem got between its mounting and its mark. */
  function catchUp(added: readonly Mount[]): void {
    const since = wallOf(heardUntil) - FIRST_LOOK_BACK_MS;
    for (const mount of added) {
      const { namespace, mountPoint } = mount;
      if (isAnsweredByOthers(mount)) continue;
      const shown = encodePath(mountPoint);
      const open = () => openMount(mount, memberOf);
      rescan.request([{ open, shown, ...(namespace === undefined ? {} : { mountNamespace: namespace }) }], since);
    }
  }

  function lookAtNamespaces(now: number): void {
    if (!marks || !namespaces.refresh(now)) return;
    catchUp(marks.updateForeign(namespaces.mounts));
    overlays?.update(marks.overlays);
  }

  function noteOverflow(): void {
    overflows += 1;
    deaf.overflowed(heardUntil);
  }

  function openOverlays(): OverlayWrites {
    return new OverlayWrites({
      memberOf,
      ownPid: process.pid,
      onOverflow: noteOverflow,
      onWrite: (write) => {
        if (write.mountNamespace === undefined && isBelow(write.path, ignorePaths)) return;
        if (coalescer.refuses(write.pid)) return;
        coalescer.add({ kind: 'file_event', ...write, at: monotonic(), created: false, written: true, count: 1 });
      },
    });
  }

  function wallOf(monotonicMs: number): number {
    return bootTime.ofMonotonic(monotonicMs).time - COARSE_MS;
  }

  function rescanAfterLoss(now: number): void {
    const since = deaf.end(now, coalescer.lost, heardUntil);
    if (since !== undefined) rescan.request(RESCANNED_FOLDERS, wallOf(since));
  }

  function openGroup(): void {
    failure = undefined;
    verifiedAt = monotonic();
    group = fanotifyInit(WITH_TARGET);
    // Before Linux 5.17 there is neither the target's handle nor FAN_RENAME.
    const isOld = group === EINVAL;
    if (isOld) group = fanotifyInit(NOTIFICATION);
    if (group < 0) {
      failure = group;
      return;
    }
    const moves = isOld ? EVENT.MOVED_FROM | EVENT.MOVED_TO : EVENT.RENAME;
    marks = new FilesystemMarks(group, WATCHED | moves, memberOf);
    // Opened first: a mount that comes between the two is a change.
    mountInfo ??= openSync(MOUNT_INFO, 'r');
    mountsChanged = createPollSet([{ fd: mountInfo, events: POLLPRI }]);
    marks.update(parseMountInfo(readFileSync(MOUNT_INFO)));
    namespaces.refresh(monotonic());
    marks.updateForeign(namespaces.mounts);
    if (!tellsBelowOverlays(release())) overlays = openOverlays();
    overlays?.update(marks.overlays);
    heardUntil = monotonic();
  }

  function stop(): void {
    coalescer.drain(monotonic());
    for (const gathered of gate.take(monotonic(), true)) push(observer.observeGathered(gathered));
    rescan.close();
    if (group >= 0) libc().close(group);
    overlays?.close();
    overlays = undefined;
    if (mountInfo !== undefined) closeSync(mountInfo);
    group = -1;
    mountInfo = undefined;
  }

  return {
    name: 'linux-files',
    start: openGroup,
    descriptors: () =>
      [group, overlays?.descriptor ?? -1].filter((fd) => fd >= 0).map((fd) => ({ fd, events: POLLIN })),
    read() {
      if (group < 0) return false;
      let more = false;
      if (namespaces.hinted) lookAtNamespaces(monotonic());
      for (let turn = 0; turn < READS_PER_TURN; turn += 1) {
        const at = monotonic();
        const length = libc().read(group, buffer);
        more = length > 0;
        if (!more) {
          heardUntil = at;
          break;
        }
        readEvents(buffer, length, (event) => {
          if (event.mask & EVENT.OVERFLOW) {
            noteOverflow();
          } else if (event.mask & EVENT.ONDIR || !coalescer.refuses(event.pid)) fileEvents.handle(event, at);
        });
      }
      more = (overlays?.read() ?? false) || more;
      coalescer.flush(monotonic(), () => !sink.full);
      if (gate.gathering) for (const one of gate.take(monotonic())) push(observer.observeGathered(one));
      if (rescan.pending && !sink.full) rescan.step();
      return more;
    },
    get held() {
      return coalescer.held;
    },
    get patienceMs() {
      if (rescan.pending) return 10;
      return coalescer.gathering || gate.gathering ? 100 : Number.POSITIVE_INFINITY;
    },
    noteNamespace: (pid, changed, inode) => namespaces.note(pid, changed, inode),
    covers: (directory: string) => marks?.covers(directory) ?? false,
    tick() {
      const now = monotonic();
      rescanAfterLoss(now);
      lookAtNamespaces(now);
      if (marks && now - verifiedAt >= VERIFY_EVERY_MS) {
        verifiedAt = now;
        const missing = marks.mend(parseMountInfo(readFileSync(MOUNT_INFO)));
        if (missing.length > 0) tamperedWith(missing, now);
      }
      if (mountInfo === undefined || !mountsChanged) return;
      // The kernel reports a change of the mounts, once, as a priority event on the open file.
      mountsChanged.wait(0);
      if (mountsChanged.ready(mountInfo) & (POLLPRI | POLLERR) && marks) {
        catchUp(marks.update(parseMountInfo(readFileSync(MOUNT_INFO))));
        overlays?.update(marks.overlays);
      }
    },
    health(): SensorHealth {
      const lost = overflows + fileEvents.unresolved + rescan.leftOut + coalescer.lost;
      const base = { name: 'linux-files', events, lost };
      if (failure !== undefined) {
        const code = errnoName(failure) === 'EPERM' ? 'needs_root' : 'fanotify_unavailable';
        return { ...base, state: 'blind', code, detail: `fanotify refused: ${errnoName(failure)}.` };
      }
      if (monotonic() - marksTakenAt < SHOWN_MS) {
        const detail = 'Marks of fanotify were taken away by somebody with access to our descriptors; put back.';
        return { ...base, state: 'degraded', code: 'file_marks_removed', detail };
      }
      const beyond = namespaces.leftOut > 0 ? [`${namespaces.leftOut} processes in further mount namespaces`] : [];
      const unmarked = [...(marks?.unmarked ?? []), ...beyond];
      if (unmarked.length === 0) return { ...base, state: 'active' };
      const shown = unmarked.slice(0, 10).join(', ');
      return { ...base, state: 'degraded', code: 'mounts_unmarked', detail: `No file events from: ${shown}` };
    },
    restart() {
      stop();
      openGroup();
    },
    stop,
  };
}
