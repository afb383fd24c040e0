import { BoundedMap } from '../bounded-map.ts';
import type { Ancestor } from './locate-story.ts';

/** The product's own harmless tests: each is the root of a story that nothing else gets into. */
export class SafeTests {
  readonly #stories: BoundedMap<string, string | undefined>;
  readonly #marked: BoundedMap<string, true>;

  constructor(limit: number) {
    this.#stories = new BoundedMap(limit);
    this.#marked = new BoundedMap(limit);
  }

  mark(entityId: string): void {
    this.#marked.set(entityId, true);
  }

  /** The marked process that this one is or hangs below. */
  rootOf(entityId: string, ancestors: readonly Ancestor[]): string | undefined {
    if (this.#marked.get(entityId) === true) return entityId;
    return ancestors.find(({ facts }) => this.#marked.get(facts.entityId) === true)?.facts.entityId;
  }

  storyOf(root: string): string | undefined {
    return this.#stories.get(root);
  }

  setStory(root: string, storyId: string): void {
    this.#stories.set(root, storyId);
  }
}
