import type { EventFields } from '@yagura/protocol';
import type { BaselineEntry } from '../../../state/persistence-baseline.ts';
import type { Observation } from '../../sensor.ts';
import { describeChange } from './content-change.ts';
import type { Place } from './place-index.ts';

/** How a change came to notice; `start` is what happened while the agent did not run. */
export type FoundBy = 'event' | 'rescan' | 'start';

/** When it was noticed, and who did it where the file event says so. */
export interface Origin {
  readonly foundBy: FoundBy;
  readonly time: number;
  readonly bootTime?: number;
  readonly pid?: number;
  readonly image?: string;
  readonly user?: string;
}

export interface EntryChange {
  readonly path: string;
  readonly place: Place;
  readonly before: BaselineEntry | undefined;
  readonly after: BaselineEntry | undefined;
  /** Milliseconds since the epoch; absent for a deleted file. */
  readonly modifiedAt?: number;
  /** Only beginning and end of the content are compared. */
  readonly cut?: true;
}

/** The bits that decide whether and as whom a file runs. */
const DECISIVE_MODE = 0o6111;

/** Whether the difference between two looks is one that matters: content, target, owner, right to run. */
export function isSameEntry(before: BaselineEntry, after: BaselineEntry): boolean {
  if (before.linkTarget !== after.linkTarget || before.uid !== after.uid) return false;
  if ((before.mode & DECISIVE_MODE) !== (after.mode & DECISIVE_MODE)) return false;
  if (before.linkTarget !== undefined) return true;
  // Without hashes (very large files) nothing but the signature tells.
  return before.sha256 === after.sha256 && (after.sha256 !== undefined || before.signature === after.signature);
}

/** The event of category `persistence` that tells of a change. */
export function observeChange(change: EntryChange, origin: Origin, userName: (uid: number) => string): Observation {
  const { path, place, before, after } = change;
  const entry = after ?? before;
  const content = describeChange(before?.content, after?.content);
  const operation = after === undefined ? 'delete' : before === undefined ? 'create' : 'change';
  const fields: EventFields = {
    TargetFilename: path,
    PersistenceType: place.kind,
    Operation: operation,
    FoundBy: origin.foundBy,
    ...field('ContentBefore', content.before),
    ...field('ContentAfter', content.after),
    ...field('ContentAdded', content.added),
    ...field('ContentRemoved', content.removed),
    ...field('ContentTruncated', change.cut),
    ...field('LinkTarget', entry?.linkTarget),
    ...field('PreviousHashes', after && before?.sha256 && `SHA256=${before.sha256}`),
    ...field('Hashes', entry?.sha256 && `SHA256=${entry.sha256}`),
    ...field('sha256', entry?.sha256),
    ...field('FileMode', entry && entry.mode.toString(8).padStart(4, '0')),
    ...field('FileOwner', entry && userName(entry.uid)),
    ...field('LastWriteTime', change.modifiedAt === undefined ? undefined : isoTime(change.modifiedAt)),
    ...field('ProcessId', origin.pid),
    ...field('Image', origin.image),
    ...field('User', origin.user),
  };
  return {
    logsource: { product: 'linux', category: 'persistence' },
    time: origin.time,
    ...(origin.bootTime === undefined ? {} : { bootTime: origin.bootTime }),
    ...(origin.pid === undefined ? {} : { pid: origin.pid }),
    fields,
  };
}

/** A time that somebody set far away is none. */
function isoTime(milliseconds: number): string | undefined {
  const time = new Date(milliseconds);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function field(name: string, value: EventFields[string] | undefined): EventFields {
  return value === undefined || value === '' ? {} : { [name]: value };
}
