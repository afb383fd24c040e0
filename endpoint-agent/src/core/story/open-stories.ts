import { compareSeverity } from '@yagura/protocol';
import { StoryIndex } from './story-index.ts';
import { newStoryState, type StoryState } from './story-state.ts';
import type { CoreClock, StoryBounds } from './story-tracker.ts';

const PACE_MILLISECONDS = 1_000;

/** The stories that can still grow, their index, and which of them have something to say. */
export class OpenStories {
  readonly index: StoryIndex;
  evicted = 0;
  readonly #states = new Map<string, StoryState>();
  /** Closed with changes that nobody has seen yet. */
  #closing: StoryState[] = [];
  readonly #urgent = new Set<StoryState>();
  /** Monotonic times of the latest revisions that went out at once, over all stories. */
  #recentUrgent: number[] = [];
  readonly #bounds: StoryBounds;
  readonly #clock: CoreClock;

  constructor(bounds: StoryBounds, clock: CoreClock) {
    this.#bounds = bounds;
    this.#clock = clock;
    this.index = new StoryIndex(bounds);
  }

  get size(): number {
    return this.#states.size;
  }

  get(storyId: string | undefined): StoryState | undefined {
    return storyId === undefined ? undefined : this.#states.get(storyId);
  }

  all(): IterableIterator<StoryState> {
    return this.#states.values();
  }

  open(storyId: string, time: number): StoryState {
    if (this.#states.size >= this.#bounds.stories) this.#evict();
    const state = newStoryState(storyId, time, this.#clock.monotonic());
    this.#states.set(storyId, state);
    return state;
  }

  /** Returns false when there is no room. */
  adopt(state: StoryState): boolean {
    if (this.#states.size >= this.#bounds.stories) return false;
    this.#states.set(state.storyId, state);
    return true;
  }

  /** Whether the story changed lately enough to draw in what hangs on it only loosely. */
  readonly isRecent = (storyId: string): boolean => {
    const state = this.#states.get(storyId);
    return state !== undefined && this.#clock.monotonic() - state.lastActivity <= this.#bounds.linkMilliseconds;
  };

  /** Marks a change; `urgent` wins over `later`. */
  touch(state: StoryState, urgency: 'later' | 'urgent'): void {
    state.lastActivity = this.#clock.monotonic();
    if (urgency === 'urgent') this.#urgent.add(state);
    if (state.pending !== 'urgent') state.pending = urgency;
  }

  /** Urgent stories that may go out now; those above their pace wait for `takeAll`. */
  takeUrgent(): readonly StoryState[] {
    if (this.#urgent.size === 0) return [];
    // What went out meanwhile for another reason has nothing left to say.
    const taken = [...this.#urgent].filter((state) => state.pending === 'urgent' && this.#hasPace(state));
    this.#urgent.clear();
    return taken;
  }

  /** Every story with something to say, closed ones included. */
  takeAll(): readonly StoryState[] {
    const pending = [...this.#states.values()].filter((state) => state.pending !== 'none');
    const all = [...this.#closing, ...pending];
    this.#closing = [];
    this.#urgent.clear();
    return all;
  }

  closeIdle(): void {
    const now = this.#clock.monotonic();
    for (const state of this.#states.values()) {
      if (now - state.lastActivity > this.#bounds.idleMilliseconds) this.#close(state);
    }
  }

  #hasPace(state: StoryState): boolean {
    const now = this.#clock.monotonic();
    const isRecent = (time: number): boolean => now - time < PACE_MILLISECONDS;
    state.recentRevisions = state.recentRevisions.filter(isRecent);
    if (state.recentRevisions.length >= this.#bounds.revisionsPerSecond) return false;
    this.#recentUrgent = this.#recentUrgent.filter(isRecent);
    if (this.#recentUrgent.length >= this.#bounds.urgentPerSecond) return false;
    state.recentRevisions.push(now);
    this.#recentUrgent.push(now);
    return true;
  }

  /** The weakest story goes, of equals the one that rested longest; never one that is being contained. */
  #evict(): void {
    const [victim] = [...this.#states.values()]
      .sort((a, b) => compareSeverity(a.severity, b.severity) || a.lastActivity - b.lastActivity)
      .sort((a, b) => Number(a.containment === 'in-progress') - Number(b.containment === 'in-progress'));
    if (victim === undefined) return;
    this.evicted += 1;
    this.#close(victim);
  }

  #close(state: StoryState): void {
    this.#states.delete(state.storyId);
    this.#urgent.delete(state);
    this.index.forgetStory(state.storyId);
    if (state.pending !== 'none') this.#closing.push(state);
  }
}
