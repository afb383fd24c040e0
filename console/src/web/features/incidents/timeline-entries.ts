import type { ActionOutcome, Detection } from '@yagura/protocol';
import type { IncidentDetail, OrderRow } from '../../../api/index.ts';

/** One thing that happened, in the order of time. */
export type TimelineEntry =
  | { readonly kind: 'detection'; readonly time: number; readonly key: string; readonly detection: Detection }
  | { readonly kind: 'action'; readonly time: number; readonly key: string; readonly action: ActionOutcome }
  | { readonly kind: 'order'; readonly time: number; readonly key: string; readonly order: OrderRow }
  | { readonly kind: 'received'; readonly time: number; readonly key: string }
  | { readonly kind: 'closed'; readonly time: number; readonly key: string };

/** At equal times the cause stands before its effect. */
const RANK: Record<TimelineEntry['kind'], number> = { detection: 0, order: 1, action: 2, received: 3, closed: 4 };

/**
 * Detections and actions carry the endpoint's clock, orders and receipt the console's. The endpoint's times
 * are moved by the offset that the console measured, so that one order of time holds for all.
 */
export function timelineEntries(
  incident: Pick<IncidentDetail, 'story' | 'orders' | 'times' | 'closedAt'>,
): readonly TimelineEntry[] {
  const offset = incident.times.corrected - incident.times.endpoint;
  const entries: TimelineEntry[] = [
    ...incident.story.detections.map((detection) => ({
      kind: 'detection' as const,
      time: detection.time + offset,
      key: `d:${detection.detectionId}`,
      detection,
    })),
    ...incident.story.actions.map((action) => ({
      kind: 'action' as const,
      time: action.endedAt + offset,
      key: `a:${action.actionId}`,
      action,
    })),
    ...incident.orders.map((order) => ({
      kind: 'order' as const,
      time: order.orderedAt,
      key: `o:${order.orderId}`,
      order,
    })),
    { kind: 'received' as const, time: incident.times.received, key: 'received' },
    ...(incident.closedAt === undefined ? [] : [{ kind: 'closed' as const, time: incident.closedAt, key: 'closed' }]),
  ];
  return entries.sort((a, b) => a.time - b.time || RANK[a.kind] - RANK[b.kind]);
}
