import { EVENT } from '../native/fanotify.ts';

/**
 * Events of a fanotify group with FAN_REPORT_DFID_NAME_TARGET. struct fanotify_event_metadata: u32 event_len@0,
 * u16 metadata_len@6, u64 mask@8, i32 fd@16, i32 pid@20; then information records: u8 type@0, u16 len@2, fsid@4
 * (8 bytes), struct file_handle@12 { u32 bytes, i32 type, u8 handle[] }, and the NUL-terminated name.
 */
export interface RawFileEvent {
  /** Bits of `EVENT`. */
  readonly mask: number;
  /** The acting process (thread group); 0 when it is in a foreign pid namespace. */
  readonly pid: number;
  /** Directory and name of the object; of a rename the old ones. */
  readonly entry?: DirectoryEntry;
  /** Of a rename, the new directory and name. */
  readonly renamedTo?: DirectoryEntry;
  /** The object itself: its filesystem id and handle, as `DirectoryEntry.directoryKey` has them. */
  readonly targetKey?: string;
}

export interface DirectoryEntry {
  /** Filesystem id and file handle of the directory as a string of bytes: the key of the path cache. */
  readonly directoryKey: string;
  /** struct file_handle, for open_by_handle_at. Valid until the buffer is read into again. */
  readonly handle: Buffer;
  readonly fsid: Buffer;
  readonly name: Buffer;
}

const METADATA_BYTES = 24;
const INFO_FID = 1;
const INFO_DFID_NAME = 2;
const INFO_OLD_DFID_NAME = 10;
const INFO_NEW_DFID_NAME = 12;
const HANDLE_AT = 12;
const HANDLE_HEADER = 8;

/**
 * Calls `onEvent` for each event in the first `length` bytes. Stops at a length that cannot be. Passes over changes
 * of a file's count of links, which have no name and come with each removal: that has an event of its own.
 */
export function readEvents(buffer: Buffer, length: number, onEvent: (event: RawFileEvent) => void): void {
  let at = 0;
  while (at + METADATA_BYTES <= length) {
    const eventLength = buffer.readUInt32LE(at);
    const metadataLength = buffer.readUInt16LE(at + 6);
    if (eventLength < METADATA_BYTES || metadataLength < METADATA_BYTES || at + eventLength > length) return;
    const isNameless = buffer[at + metadataLength] === INFO_FID && buffer.readUInt32LE(at + 8) === EVENT.ATTRIB;
    if (!isNameless) onEvent(readEvent(buffer, at, at + metadataLength, at + eventLength));
    at += eventLength;
  }
}

function readEvent(buffer: Buffer, at: number, infoAt: number, end: number): RawFileEvent {
  const mask = buffer.readUInt32LE(at + 8);
  const pid = Math.max(0, buffer.readInt32LE(at + 20));
  if (mask & EVENT.OVERFLOW) return { mask, pid };
  let entry: DirectoryEntry | undefined;
  let renamedTo: DirectoryEntry | undefined;
  let targetKey: string | undefined;
  let info = infoAt;
  while (info + HANDLE_AT + HANDLE_HEADER <= end) {
    const type = buffer[info];
    const size = buffer.readUInt16LE(info + 2);
    if (size < HANDLE_AT + HANDLE_HEADER || info + size > end) break;
    if (type === INFO_DFID_NAME || type === INFO_OLD_DFID_NAME) entry = readEntry(buffer, info, size);
    else if (type === INFO_NEW_DFID_NAME) renamedTo = readEntry(buffer, info, size);
    else if (type === INFO_FID) targetKey = readEntry(buffer, info, size)?.directoryKey;
    info += size;
  }
  return {
    mask,
    pid,
    ...(entry ? { entry } : {}),
    ...(renamedTo ? { renamedTo } : {}),
    ...(targetKey === undefined ? {} : { targetKey }),
  };
}

function readEntry(buffer: Buffer, info: number, size: number): DirectoryEntry | undefined {
  const handleEnd = info + HANDLE_AT + HANDLE_HEADER + buffer.readUInt32LE(info + HANDLE_AT);
  const end = info + size;
  if (handleEnd > end) return undefined;
  const nul = buffer.indexOf(0, handleEnd);
  return {
    directoryKey: buffer.toString('latin1', info + 4, handleEnd),
    handle: buffer.subarray(info + HANDLE_AT, handleEnd),
    fsid: buffer.subarray(info + 4, info + HANDLE_AT),
    name: buffer.subarray(handleEnd, nul === -1 || nul > end ? end : nul),
  };
}
