import type { Exclusion, PolicyMode } from '@yagura/protocol';
import type { OrderedSettings } from '../orders/order-desk.ts';

/** What people set for this endpoint, as the pipeline asks for it; replaced whole when an order changes it. */
export interface Settings {
  policy(): PolicyMode;
  exclusions(): readonly Exclusion[];
  exclusionsVersion(): number;
  replace(ordered: OrderedSettings): void;
}

export function createSettings(initialPolicy: PolicyMode): Settings {
  let ordered: OrderedSettings = { exclusionsVersion: 0, exclusions: [] };
  return {
    policy: () => ordered.policy ?? initialPolicy,
    exclusions: () => ordered.exclusions,
    exclusionsVersion: () => ordered.exclusionsVersion,
    replace: (next) => {
      ordered = next;
    },
  };
}
