import type { RuleTuning } from '@yagura/protocol';
import { EPOCH_TIME } from './items.ts';

const DAY_MS = 86_400_000;

/** A tuning that disables a rule for a month, unless told otherwise. */
export function aTuning(ruleId: string, rest: Partial<RuleTuning> = {}): RuleTuning {
  return {
    tuningId: `tun_${ruleId}`,
    ruleId,
    ruleTitle: `Rule ${ruleId}`,
    change: { kind: 'disable' },
    owner: 'Suzuki',
    reason: 'the backup does this every night',
    createdAt: EPOCH_TIME,
    expiresAt: EPOCH_TIME + 30 * DAY_MS,
    ...rest,
  };
}
