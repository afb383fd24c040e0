import { type ItemBody, LIMITS, type Platform, type RuleCatalogue, RuleSummary } from '@yagura/protocol';
import { declaredSources } from '../cli/coverage-sources.ts';
import { BEHAVIOUR_RULES, decideCoverage, type SigmaEvaluator, summariseFacts, summariseRules } from '../core/index.ts';

/** Bytes of a catalogue: it travels as one item among others. */
const CATALOGUE_BYTES = 1_048_576;

/** The rules that this agent brings, behaviour included, as the console lists them (SPEC HE5). */
export function describeOwnRules(
  loaded: Pick<SigmaEvaluator, 'rules' | 'correlations'>,
  platform: Platform,
): RuleCatalogue {
  const all = [
    ...summariseFacts(Object.values(BEHAVIOUR_RULES), platform),
    ...summariseRules(loaded, (rule, system) => decideCoverage(rule, declaredSources(system)).canFire),
  ];
  const rules: RuleSummary[] = [];
  let bytes = 0;
  for (const rule of all) {
    // Rules of a folder of the machine's owner are as long as they like.
    const checked = RuleSummary.safeParse(rule);
    bytes += checked.success ? Buffer.byteLength(JSON.stringify(checked.data)) : 0;
    if (checked.success && bytes <= CATALOGUE_BYTES && rules.length < LIMITS.catalogueRules) rules.push(checked.data);
  }
  return { rules, omitted: all.length - rules.length };
}

export interface CatalogueReport {
  /** Spools the catalogue, once for each endpoint that this machine is in a run of the agent. */
  tell(endpointId: string | undefined): void;
}

export function createCatalogueReport(
  spool: { append(bodies: readonly ItemBody[]): unknown },
  describe: () => RuleCatalogue,
): CatalogueReport {
  let toldAs: string | undefined;
  return {
    tell(endpointId) {
      if (endpointId === undefined || endpointId === toldAs) return;
      toldAs = endpointId;
      spool.append([{ type: 'rule-catalogue', catalogue: describe() } satisfies ItemBody]);
    },
  };
}
