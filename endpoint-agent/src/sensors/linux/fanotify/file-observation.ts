import type { EventFields } from '@yagura/protocol';
import { O } from '../../../native/libc.ts';
import { decodePath } from '../../../native/path-bytes.ts';
import type { Observation } from '../../sensor.ts';
import type { BootTime } from '../capture/boot-time.ts';
import { using } from '../native/openat2.ts';
import type { GatheredChanges } from './attribute-gate.ts';
import { type FileAttributes, readAttributes } from './file-attributes.ts';
import type { MemberOf } from './mounts.ts';
import { openIn } from './open-mount.ts';
import type { RescannedFile } from './rescan.ts';
import type { FileAct } from './write-coalescer.ts';

/** `EventType` of category `file_change`, which Sigma has for files whose content stays (Sysmon's event 2). */
export const ATTRIBUTES_CHANGED = 'attributes_changed';

/** Changes of attributes whose outcome is looked at: a look costs some 5 µs. */
const LOOKS_PER_SECOND = 5_000;

type Fields = Record<string, EventFields[string]>;

export interface FileObserver {
  observe(act: FileAct): Observation;
  /** Undefined for what needs no telling: a process that finishes a file of its own making. */
  observeAttributes(act: FileAct, isTold: (grantsRights: boolean) => boolean): Observation | undefined;
  observeGathered(changes: GatheredChanges): Observation;
  /** A file found by looking, not by an event: its writer is unknown. */
  observeRescanned(file: RescannedFile): Observation;
}

export interface FileObserverOptions {
  readonly bootTime: BootTime;
  readonly userName: (uid: number) => string;
  readonly memberOf: MemberOf;
}

/** Puts file acts into the words of events. */
export function createFileObserver({ bootTime, userName, memberOf }: FileObserverOptions): FileObserver {
  function observation(act: Pick<FileAct, 'kind' | 'pid' | 'at' | 'mountNamespace'>, fields: Fields): Observation {
    const { time, bootTime: sinceBoot } = bootTime.ofMonotonic(act.at);
    if (act.pid > 0) fields['ProcessId'] = act.pid;
    if (act.mountNamespace !== undefined) fields['MountNamespace'] = act.mountNamespace;
    return {
      logsource: { product: 'linux', category: act.kind },
      time,
      bootTime: sinceBoot,
      ...(act.pid > 0 ? { pid: act.pid } : {}),
      fields,
    };
  }

  let looksUntil = 0;
  let looks = 0;
  function mayLook(now: number): boolean {
    if (now >= looksUntil) {
      looksUntil = now + 1_000;
      looks = 0;
    }
    looks += 1;
    return looks <= LOOKS_PER_SECOND;
  }

  /** The path was found without links: one that is in the way now leads to another file. */
  function attributesOf({ path, mountNamespace }: FileAct): FileAttributes | undefined {
    const fd = openIn(mountNamespace, decodePath(path), memberOf, O.NOFOLLOW);
    return using(fd, undefined, () => readAttributes(fd, userName));
  }

  return {
    observe(act) {
      const fields: Fields = { TargetFilename: act.path };
      if (act.renamedFrom !== undefined) fields['SourceFilename'] = act.renamedFrom;
      if (act.isDirectory) fields['IsDirectory'] = true;
      if (act.kind === 'file_event') {
        fields['Operation'] = act.created ? (act.written ? 'create_write' : 'create') : 'write';
      }
      if (act.count > 1) fields['Count'] = act.count;
      return observation(act, fields);
    },
    observeAttributes(act, isTold) {
      const attributes = mayLook(act.at) ? attributesOf(act) : undefined;
      const grantsRights = attributes?.grantsRights ?? false;
      if (act.ofOwnFile && !grantsRights) return undefined;
      if (!isTold(grantsRights)) return undefined;
      return observation(act, {
        EventType: ATTRIBUTES_CHANGED,
        TargetFilename: act.path,
        ...attributes?.fields,
        ...(act.isDirectory ? { IsDirectory: true } : {}),
        ...(act.count > 1 ? { Count: act.count } : {}),
      });
    },
    observeGathered: ({ folder, count, ...act }) =>
      observation(
        { ...act, kind: 'file_change' },
        { EventType: ATTRIBUTES_CHANGED, TargetFilename: folder, IsDirectory: true, Count: count },
      ),
    observeRescanned: ({ path, mountNamespace, isNew, uid, changedAt }) => ({
      logsource: { product: 'linux', category: 'file_event' },
      time: Math.round(changedAt),
      bootTime: bootTime.ofWall(changedAt),
      fields: {
        TargetFilename: path,
        Operation: isNew ? 'create_write' : 'write',
        FoundBy: 'rescan',
        FileOwner: userName(uid),
        ...(mountNamespace === undefined ? {} : { MountNamespace: mountNamespace }),
      },
    }),
  };
}
