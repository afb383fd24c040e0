import { type DeclaredSource, fieldsOf, narrowToSource, requiredTexts, type SigmaRule } from '../core/index.ts';
import { AUDITD_SERVICE, type AuditDemand } from '../sensors/linux/audit/raw/audit-demand.ts';
import { RECORD_SOURCES } from '../sensors/linux/audit/raw/record-sources.ts';

/** Texts that may be sought in the names of files; with more of them every name is looked at. */
const MAX_NAMES = 4_000;

/** What rules for the raw audit log can use: the sensor makes and asks the kernel for nothing else. */
export function auditDemandOf(rules: Iterable<SigmaRule>): AuditDemand {
  const records: Record<string, readonly string[] | 'any'> = {};
  const syscalls = new Set<string>();
  let anySyscall = false;
  let names: Set<string> | 'any' = new Set();
  for (const { logsource, expression } of rules) {
    if (logsource.service !== AUDITD_SERVICE || (logsource.product ?? 'linux') !== 'linux') continue;
    for (const { type, source } of RECORD_TYPES) {
      const narrowed = narrowToSource(expression, source);
      if (narrowed === false) continue;
      records[type] = merge(records[type] ?? [], fieldsOf(narrowed));
      if (type === 'SYSCALL') {
        const named = requiredTexts(narrowed, 'SYSCALL', 'equal');
        if (named === 'any') anySyscall = true;
        else for (const name of named) syscalls.add(name.toLowerCase());
      }
      if (type === 'PATH' && names !== 'any') {
        const texts = requiredTexts(narrowed, 'name', 'contain');
        names = texts === 'any' || names.size + texts.length > MAX_NAMES ? 'any' : new Set([...names, ...texts]);
      }
    }
  }
  return { records, syscalls: [...syscalls], anySyscall, names: names === 'any' ? 'any' : [...names] };
}

/**
 * Each record type by itself. Beside its type no value is taken as known: rules of an administrator's own may let
 * the kernel write calls and keys that the agent does not ask for.
 */
const RECORD_TYPES: readonly { readonly type: string; readonly source: DeclaredSource }[] = RECORD_SOURCES.flatMap(
  ({ service, fields, values }) =>
    (values?.['type'] ?? []).map((type) => ({
      type,
      source: { sensor: '', product: 'linux', service, fields: new Set(fields), values: { type: [type] } },
    })),
).filter(({ type }, index, all) => all.findIndex((other) => other.type === type) === index);

function merge(known: readonly string[] | 'any', more: ReadonlySet<string> | 'any'): readonly string[] | 'any' {
  return known === 'any' || more === 'any' ? 'any' : [...new Set([...known, ...more])];
}

/** Tells the sensors what the loaded rules can use, and again when other rules are loaded. */
export interface DemandFeed {
  /** Cheap while nothing has changed; to be called about every second. */
  refresh(): void;
}

export function createDemandFeed(
  evaluators: readonly { readonly rules: readonly SigmaRule[] }[],
  tell: (demand: AuditDemand) => void,
): DemandFeed {
  let known: readonly (readonly SigmaRule[])[] = [];
  let told = JSON.stringify(auditDemandOf([]));
  return {
    refresh() {
      const current = evaluators.map(({ rules }) => rules);
      if (current.every((rules, index) => rules === known[index])) return;
      known = current;
      const demand = auditDemandOf(current.flat());
      const text = JSON.stringify(demand);
      if (text === told) return;
      told = text;
      tell(demand);
    },
  };
}
