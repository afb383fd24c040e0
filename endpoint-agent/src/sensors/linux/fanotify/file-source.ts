import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { EventFields, SensorHealth } from '@yagura/protocol';
import { errnoName, libc } from '../../../native/libc.ts';
import { encodePath } from '../../../native/path-bytes.ts';
import type { BootTime } from '../capture/boot-time.ts';
import type { CanaryClaims } from '../capture/canaries.ts';
import { type CaptureSource, type SourceSink, TAMPER_SERVICE } from '../capture/source.ts';
import { EVENT, fanotifyInit, INIT } from '../native/fanotify.ts';
import { createPollSet, POLLERR, POLLIN, POLLPRI, type PollSet } from '../native/poll-set.ts';
import { type Directory, DirectoryCache, isBelow } from './directory-cache.ts';
import { type DirectoryEntry, type RawFileEvent, readEvents } from './event-reader.ts';
import { FilesystemMarks } from './filesystem-marks.ts';
import { parseMountInfo } from './mounts.ts';
import { type FileAct, WriteCoalescer } from './write-coalescer.ts';

export interface FileSourceOptions {
  readonly sink: SourceSink;
  readonly bootTime: BootTime;
  readonly monotonic: () => number;
  readonly canaries: CanaryClaims;
  /** Nothing at or below these is reported. */
  readonly ignorePaths: readonly string[];
}

const READ_BYTES = 256 * 1024;
const READS_PER_TURN = 8;
/** Absorbs bursts that the main thread cannot take at once: about 200 bytes each. */
const MAX_HELD = 50_000;
const DIRECTORIES = 16_384;
const EINVAL = -constants.errno.EINVAL;
/** How often the kernel's list of our marks is compared with what we set. */
const VERIFY_EVERY_MS = 10_000;
/** How long a tampering that was mended is still shown. */
const SHOWN_MS = 120_000;
const MOUNT_INFO = '/proc/self/mountinfo';
const NOTIFICATION = INIT.CLOEXEC | INIT.NONBLOCK | INIT.UNLIMITED_MARKS | INIT.REPORT_DIR_FID | INIT.REPORT_NAME;
const WITH_TARGET = NOTIFICATION | INIT.REPORT_FID | INIT.REPORT_TARGET_FID;

/** The file sensor, which can say of which directories it hears. */
export interface FileSource extends CaptureSource {
  covers(directory: string): boolean;
}

/** Files created, written, renamed and deleted, with the process that did it, from fanotify. */
export function createFileSource(options: FileSourceOptions): FileSource {
  const { sink, bootTime, monotonic, ignorePaths, canaries } = options;
  const buffer = Buffer.alloc(READ_BYTES);
  const directories = new DirectoryCache(DIRECTORIES, (path) => isBelow(path, ignorePaths));
  const coalescer = new WriteCoalescer(emit);
  let marks: FilesystemMarks | undefined;
  let group = -1;
  let mountInfo: number | undefined;
  let mountsChanged: PollSet | undefined;
  let failure: number | undefined;
  let events = 0;
  let overflows = 0;
  let unresolved = 0;
  let verifiedAt = 0;
  let marksTakenAt = Number.NEGATIVE_INFINITY;

  function emit(act: FileAct): void {
    events += 1;
    const { time, bootTime: sinceBoot } = bootTime.ofMonotonic(act.at);
    const fields: Record<string, EventFields[string]> = { TargetFilename: act.path };
    if (act.renamedFrom !== undefined) fields['SourceFilename'] = act.renamedFrom;
    if (act.pid > 0) fields['ProcessId'] = act.pid;
    if (act.isDirectory) fields['IsDirectory'] = true;
    if (act.kind === 'file_event') {
      fields['Operation'] = act.created ? (act.written ? 'create_write' : 'create') : 'write';
    }
    if (act.count > 1) fields['Count'] = act.count;
    sink.push('linux-files', {
      logsource: { product: 'linux', category: act.kind },
      time,
      bootTime: sinceBoot,
      ...(act.pid > 0 ? { pid: act.pid } : {}),
      fields,
    });
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

  function directoryOf(entry: DirectoryEntry): Directory | undefined {
    const known = directories.get(entry.directoryKey);
    if (known) return known;
    const path = marks?.pathOf(entry);
    if (path !== undefined) return directories.set(entry.directoryKey, path);
    unresolved += 1;
    return undefined;
  }

  /** Before the names of a renamed directory are looked at: they lie in its parents, which stay. */
  function forget(event: RawFileEvent): void {
    const names = [event.entry, event.renamedTo].filter((entry) => entry !== undefined);
    const paths = names.map((entry) => {
      const directory = directoryOf(entry);
      return directory && join(directory, entry);
    });
    if (paths.length > 0 && paths.every((path) => path !== undefined)) directories.forgetBelow(paths);
    else directories.clear();
  }

  /** Absent when the directory is ignored or gone without having been known. */
  function pathOf(entry: DirectoryEntry | undefined): string | undefined {
    const directory = entry && directoryOf(entry);
    if (!entry || !directory || directory.ignored) return undefined;
    const path = join(directory, entry);
    return ignorePaths.includes(path) ? undefined : path;
  }

  function handle(event: RawFileEvent, at: number): void {
    const { mask, pid } = event;
    if (mask & EVENT.OVERFLOW) {
      overflows += 1;
      return;
    }
    const isDirectory = (mask & EVENT.ONDIR) !== 0;
    if (isDirectory && mask & (EVENT.RENAME | EVENT.MOVED_FROM | EVENT.MOVED_TO)) forget(event);
    const path = pathOf(event.entry);
    if (isDirectory && mask & EVENT.CREATE && path !== undefined && event.targetKey !== undefined) {
      // Known from its birth: what happens in it has a path even when it is gone by the time we look.
      directories.set(event.targetKey, path);
    }
    if (pid === process.pid) {
      if (mask & EVENT.CLOSE_WRITE && event.entry) canaries.write(pid, event.entry.name.toString('latin1'));
      return;
    }
    const act = (kind: FileAct['kind'], of: string, more: Partial<FileAct> = {}) =>
      coalescer.add({ kind, path: of, pid, at, created: false, written: false, count: 1, ...more });
    if (mask & (EVENT.RENAME | EVENT.MOVED_TO | EVENT.MOVED_FROM)) {
      const to = mask & EVENT.RENAME ? pathOf(event.renamedTo) : mask & EVENT.MOVED_TO ? path : undefined;
      const from = mask & EVENT.MOVED_TO ? undefined : path;
      if (to !== undefined) {
        act('file_rename', to, { ...(from === undefined ? {} : { renamedFrom: from }), isDirectory });
      } else if (from !== undefined) act('file_delete', from, { isDirectory });
    }
    if (isDirectory || path === undefined || mask & EVENT.MOVED_TO) return;
    if (mask & (EVENT.CREATE | EVENT.CLOSE_WRITE)) {
      const created = (mask & EVENT.CREATE) !== 0;
      act('file_event', path, { created, written: (mask & EVENT.CLOSE_WRITE) !== 0 });
    }
    if (mask & EVENT.DELETE) act('file_delete', path);
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
    marks = new FilesystemMarks(group, EVENT.CREATE | EVENT.CLOSE_WRITE | EVENT.DELETE | EVENT.ONDIR | moves);
    // Opened first: a mount that comes between the two is a change.
    mountInfo ??= openSync(MOUNT_INFO, 'r');
    mountsChanged = createPollSet([{ fd: mountInfo, events: POLLPRI }]);
    marks.update(parseMountInfo(readFileSync(MOUNT_INFO)));
  }

  function stop(): void {
    coalescer.drain(monotonic());
    if (group >= 0) libc().close(group);
    if (mountInfo !== undefined) closeSync(mountInfo);
    group = -1;
    mountInfo = undefined;
  }

  return {
    name: 'linux-files',
    start: openGroup,
    descriptors: () => (group >= 0 ? [{ fd: group, events: POLLIN }] : []),
    read() {
      if (group < 0) return false;
      let more = false;
      for (let turn = 0; turn < READS_PER_TURN && coalescer.held < MAX_HELD; turn += 1) {
        const length = libc().read(group, buffer);
        more = length > 0;
        if (!more) break;
        const at = monotonic();
        readEvents(buffer, length, (event) => handle(event, at));
      }
      coalescer.flush(monotonic(), () => !sink.full);
      return more;
    },
    get held() {
      return coalescer.held;
    },
    get patienceMs() {
      return coalescer.gathering ? 100 : Number.POSITIVE_INFINITY;
    },
    covers: (directory: string) => marks?.covers(directory) ?? false,
    tick() {
      const now = monotonic();
      if (marks && now - verifiedAt >= VERIFY_EVERY_MS) {
        verifiedAt = now;
        const missing = marks.mend(parseMountInfo(readFileSync(MOUNT_INFO)));
        if (missing.length > 0) tamperedWith(missing, now);
      }
      if (mountInfo === undefined || !mountsChanged) return;
      // The kernel reports a change of the mounts, once, as a priority event on the open file.
      mountsChanged.wait(0);
      if (mountsChanged.ready(mountInfo) & (POLLPRI | POLLERR)) marks?.update(parseMountInfo(readFileSync(MOUNT_INFO)));
    },
    health(): SensorHealth {
      const base = { name: 'linux-files', events, lost: overflows + unresolved };
      if (failure !== undefined) {
        const code = errnoName(failure) === 'EPERM' ? 'needs_root' : 'fanotify_unavailable';
        return { ...base, state: 'blind', code, detail: `fanotify refused: ${errnoName(failure)}.` };
      }
      if (monotonic() - marksTakenAt < SHOWN_MS) {
        const detail = 'Marks of fanotify were taken away by somebody with access to our descriptors; put back.';
        return { ...base, state: 'degraded', code: 'file_marks_removed', detail };
      }
      const unmarked = marks?.unmarked ?? [];
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

function join(directory: Directory, entry: DirectoryEntry): string {
  return `${directory.path === '/' ? '' : directory.path}/${encodePath(entry.name)}`;
}
