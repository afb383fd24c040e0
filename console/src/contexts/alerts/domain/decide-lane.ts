import type { Containment, Severity } from '@yagura/protocol';
import type { ServiceLane } from '../../../api/incidents.ts';

export interface LaneFacts {
  readonly severity: Severity;
  readonly containment: Containment;
  /** The product's own harmless test. */
  readonly safeTest: boolean;
}

/**
 * What the service owes the customer. A critical story is told at once even when it was stopped completely:
 * what it reached before is for people to find out. A high one that was stopped completely can wait for
 * business hours; one that still runs, or of which something is left, cannot. `in-progress` counts as not
 * stopped until the endpoint says otherwise.
 */
const LANES: Record<Severity, Record<Containment, ServiceLane>> = {
  critical: { observed: 'severe', 'in-progress': 'severe', partial: 'severe', complete: 'severe' },
  high: { observed: 'severe', 'in-progress': 'severe', partial: 'severe', complete: 'attention' },
  medium: { observed: 'attention', 'in-progress': 'attention', partial: 'severe', complete: 'information' },
  low: { observed: 'information', 'in-progress': 'information', partial: 'attention', complete: 'information' },
  informational: {
    observed: 'information',
    'in-progress': 'information',
    partial: 'information',
    complete: 'information',
  },
};

export function decideLane({ severity, containment, safeTest }: LaneFacts): ServiceLane {
  return safeTest ? 'information' : LANES[severity][containment];
}
