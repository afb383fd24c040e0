import {
  LIMITS,
  PLATFORMS,
  parseRulePackHeader,
  RULE_PACK_FORMAT,
  RULE_PACK_LAYOUT,
  RULE_SYSTEMS,
  RulePackCatalogue,
  RulePackHeader,
  SEVERITIES,
} from '@yagura/protocol';
import { type CanFire, summariseRules, systemOf } from '../rule-summary.ts';
import { type CompiledPack, type PackResult, readPack } from './rule-pack.ts';

export interface PackDescription {
  readonly name: string;
  readonly version: string;
  /** Sources that were left out before the compiler saw them. */
  readonly unread: number;
  readonly canFire: CanFire;
}

/**
 * A compiled pack as the file that travels (SPEC RP1): header, catalogue and compiled rules, a line each.
 * Undefined when name or version cannot stand in a header, or there are more rules than a pack may have.
 */
export function composePackFile(
  pack: CompiledPack,
  description: PackDescription,
): { readonly text: string; readonly header: RulePackHeader } | undefined {
  const header = RulePackHeader.safeParse(describe(pack, description));
  const rules = pack.content.filter((document) => document.kind === 'rule');
  const correlations = pack.content.flatMap((each) => (each.kind === 'correlation' ? [each.facts] : []));
  const catalogue = RulePackCatalogue.safeParse(summariseRules({ rules, correlations }, description.canFire));
  if (!header.success || !catalogue.success) return undefined;
  const lines = [JSON.stringify(header.data), JSON.stringify(catalogue.data), pack.text];
  return { text: lines.join('\n'), header: header.data };
}

function describe({ content, rejected }: CompiledPack, { name, version, unread, canFire }: PackDescription): unknown {
  const rules = content.filter((document) => document.kind === 'rule');
  const facts = content.flatMap((document) => (document.kind === 'filter' ? [] : [document.facts]));
  const systems = RULE_SYSTEMS.flatMap((system) => {
    const own = rules.filter((rule) => systemOf(rule) === system);
    if (own.length === 0) return [];
    const platform = PLATFORMS.find((each) => each === system);
    const firing = platform === undefined ? {} : { canFire: own.filter((rule) => canFire(rule, platform)).length };
    return [{ system, rules: own.length, ...firing }];
  });
  const licences = new Set(facts.flatMap(({ licence }) => licence ?? []));
  return {
    format: RULE_PACK_FORMAT,
    layout: RULE_PACK_LAYOUT,
    name,
    version,
    documents: content.length,
    systems,
    levels: Object.fromEntries(
      SEVERITIES.map((level) => [level, facts.filter(({ severity }) => severity === level).length]),
    ),
    withAuthor: facts.filter(({ author }) => author !== undefined).length,
    withLicence: facts.filter(({ licence }) => licence !== undefined).length,
    licences: [...licences].sort().slice(0, 16),
    rejected: rejected.length + unread,
  };
}

export type PackFileResult =
  | { readonly ok: true; readonly header: RulePackHeader; readonly rules: Extract<PackResult, { ok: true }>['rules'] }
  | Extract<PackResult, { ok: false }>;

/** Reads a whole pack file. Nothing in it is trusted to have the right shape. */
export function readPackFile(text: string): PackFileResult {
  const end = text.indexOf('\n');
  if (end < 0 || end > LIMITS.rulePackHeaderBytes) {
    return { ok: false, code: 'pack_invalid', message: 'the file does not begin with the header of a pack' };
  }
  const header = parseRulePackHeader(text.slice(0, end));
  if (!header.ok) return { ok: false, code: header.code, message: 'the header cannot be read' };
  const body = readPack(text.slice(text.indexOf('\n', end + 1) + 1));
  return body.ok ? { ok: true, header: header.header, rules: body.rules } : body;
}
