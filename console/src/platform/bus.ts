import type { LiveTopic } from '../api/live.ts';

/** What the console's parts tell each other after a commit. A message states a fact, it never asks. */
export type BusMessage =
  | { readonly type: 'changed'; readonly tenantId: string; readonly topic: LiveTopic; readonly id?: string }
  /** The endpoint's certificates count no longer: its session must end now. */
  | { readonly type: 'endpoint-revoked'; readonly tenantId: string; readonly endpointId: string }
  /** `response.waitingOrders` has something for this endpoint. */
  | { readonly type: 'orders-waiting'; readonly tenantId: string; readonly endpointId: string }
  | { readonly type: 'session-ended'; readonly tenantId: string; readonly sessionHash: string };

/** Delivers in order, in the same turn; a subscriber that throws is reported and costs nobody else. */
export interface Bus {
  publish(message: BusMessage): void;
  /** Returns how to stop. */
  subscribe(subscriber: (message: BusMessage) => void): () => void;
}

export function createBus(onError: (error: unknown) => void): Bus {
  const subscribers = new Set<(message: BusMessage) => void>();
  return {
    publish(message) {
      for (const subscriber of subscribers) {
        try {
          subscriber(message);
        } catch (error) {
          onError(error);
        }
      }
    },
    subscribe(subscriber) {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
  };
}
