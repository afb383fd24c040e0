import { BoundedMap } from '../bounded-map.ts';
import { livePath } from '../process/system-roles.ts';
import type { StoryState } from './story-state.ts';

/** Bounds of what leads from an event to its story. */
export interface IndexBounds {
  readonly members: number;
  readonly links: number;
  readonly files: number;
  readonly recentWrites: number;
}

export const DEFAULT_INDEX_BOUNDS: IndexBounds = { members: 20_000, links: 5_000, files: 10_000, recentWrites: 16_384 };

/** A process of a story. `leads`: what it starts and writes belongs to the story too. */
export interface Membership {
  readonly storyId: string;
  readonly leads: boolean;
}

/** Who wrote a file, and when by the event's wall clock. */
export interface RecentWrite {
  readonly entityId: string;
  readonly time: number;
}

/** Leads from processes and files to open stories. Holds ids only; bounded. */
export class StoryIndex {
  readonly members: BoundedMap<string, Membership>;
  /** Undetected ancestors: whoever hangs below them soon after belongs to the same story. */
  readonly links: BoundedMap<string, string>;
  readonly #files: BoundedMap<string, string>;
  readonly #writes: BoundedMap<string, RecentWrite>;
  /** Folders in which, at whatever depth, a file of a story lies. */
  readonly #folders: BoundedMap<string, true>;
  readonly #outsiders: BoundedMap<string, number>;
  #generation = 0;
  /** Stories of detections that no process is known for. */
  readonly anonymous: BoundedMap<string, string>;

  constructor(bounds: IndexBounds) {
    this.members = new BoundedMap(bounds.members);
    this.links = new BoundedMap(bounds.links);
    this.#files = new BoundedMap(bounds.files);
    this.#writes = new BoundedMap(bounds.recentWrites);
    this.#folders = new BoundedMap(bounds.files);
    this.#outsiders = new BoundedMap(bounds.members);
    this.anonymous = new BoundedMap(bounds.links);
  }

  /**
   * Whether the process is known to hang below no story. True until a process is detected anew, since only
   * then can a running process come below one.
   */
  isOutsider(entityId: string): boolean {
    return this.#outsiders.get(entityId) === this.#generation;
  }

  setOutsider(entityId: string): void {
    this.#outsiders.set(entityId, this.#generation);
  }

  /** A running process became part of a story: what runs below it must be looked at again. */
  forgetOutsiders(): void {
    this.#generation += 1;
  }

  /** Takes a process into a story; counts it there the first time. A known member stays where and what it is. */
  join(state: StoryState, entityId: string, leads: boolean): void {
    const known = this.members.get(entityId);
    if (known === undefined) state.processCount += 1;
    this.members.set(entityId, known ?? { storyId: state.storyId, leads });
  }

  get evicted(): number {
    return this.members.evicted + this.links.evicted + this.#files.evicted + this.anonymous.evicted;
  }

  storyOfFile(path: string): string | undefined {
    return this.#files.get(livePath(path));
  }

  setFile(path: string, storyId: string): void {
    this.#files.set(path, storyId);
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      this.#folders.set(path.slice(0, slash), true);
    }
  }

  /** Whether a file of a story lies below; may be true for a folder that had one before. */
  holdsFiles(folder: string): boolean {
    return this.#folders.get(folder) === true;
  }

  writerOf(path: string): RecentWrite | undefined {
    return this.#writes.get(livePath(path));
  }

  setWriter(path: string, write: RecentWrite): void {
    this.#writes.set(path, write);
  }

  /** The file keeps its story and its writer under the new name; what stood there before is gone. */
  renameFile(from: string, to: string): void {
    const story = this.#files.get(from);
    const write = this.#writes.get(from);
    this.removeFile(from);
    this.removeFile(to);
    if (story !== undefined) this.#files.set(to, story);
    if (write !== undefined) this.#writes.set(to, write);
  }

  /** As `renameFile`, for everything below a folder that was renamed. */
  renameFolder(from: string, to: string): void {
    for (const [path, storyId] of this.#files.entriesWhere((_, key) => key.startsWith(`${from}/`))) {
      const write = this.#writes.get(path);
      this.removeFile(path);
      const moved = to + path.slice(from.length);
      this.setFile(moved, storyId);
      if (write !== undefined) this.#writes.set(moved, write);
    }
  }

  removeFile(path: string): void {
    this.#files.delete(path);
    this.#writes.delete(path);
  }

  forgetStory(storyId: string): void {
    this.members.deleteWhere((member) => member.storyId === storyId);
    this.links.deleteWhere((story) => story === storyId);
    this.#files.deleteWhere((story) => story === storyId);
    this.anonymous.deleteWhere((story) => story === storyId);
  }
}
