import type { LiveMessage, LiveTopic } from '../../api/live.ts';

/** Ids of one topic that are told one by one; beyond that, only that the topic has changed. */
export const MAX_IDS_PER_TOPIC = 20;

/**
 * What one browser has not been told yet. Messages of the same topic and id are one, so that a whole fleet
 * which reconnects is one message. Bounded by topics x MAX_IDS_PER_TOPIC.
 */
export class TopicBuffer {
  readonly #topics = new Map<LiveTopic, Set<string> | 'all'>();

  add(topic: LiveTopic, id: string | undefined): void {
    const known = this.#topics.get(topic);
    if (known === 'all') return;
    if (id === undefined || (known && known.size >= MAX_IDS_PER_TOPIC && !known.has(id))) {
      this.#topics.set(topic, 'all');
    } else if (known) {
      known.add(id);
    } else {
      this.#topics.set(topic, new Set([id]));
    }
  }

  /** Everything that waits, and forgets it. */
  take(): LiveMessage[] {
    const messages = [...this.#topics].flatMap(([topic, ids]): LiveMessage[] =>
      ids === 'all' ? [{ type: 'changed', topic }] : [...ids].map((id) => ({ type: 'changed', topic, id })),
    );
    this.#topics.clear();
    return messages;
  }

  clear(): void {
    this.#topics.clear();
  }
}
