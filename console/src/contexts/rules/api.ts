import type { RuleCatalogue, RuleSummary } from '@yagura/protocol';
import type { RuleDetail, RulePage, RuleQuery } from '../../api/rules.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';

/** A pack whose rules people may look up. */
export interface PackSource {
  readonly sha256: string;
  readonly name: string;
  readonly version: string;
}

/** What rules there are: those that agents bring, and those of packs. Says nothing about what is in force. */
export interface Rules {
  /** The agent's own list, inside the ingesting transaction; safe to repeat. */
  applyCatalogue(tx: Tx, origin: Origin, catalogue: RuleCatalogue): Promise<void>;
  enterPack(tx: Tx, tenantId: string, pack: PackSource, rules: readonly RuleSummary[]): Promise<void>;
  removePack(tx: Tx, tenantId: string, sha256: string): Promise<void>;
  page(tenantId: string, query: RuleQuery): Promise<Result<RulePage>>;
  detail(tenantId: string, ruleId: string): Promise<RuleDetail | undefined>;
}
