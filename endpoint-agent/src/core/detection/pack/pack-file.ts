import {
  LIMITS,
  PLATFORMS,
  parseRulePackHeader,
  RULE_PACK_FORMAT,
  RULE_PACK_LAYOUT,
  RULE_PACK_SYSTEMS,
  RulePackHeader,
  SEVERITIES,
} from '@yagura/protocol';
import type { SigmaRule } from '../sigma/rule-ast.ts';
import { type CompiledPack, type PackResult, readPack } from './rule-pack.ts';

export interface PackDescription {
  readonly name: string;
  readonly version: string;
  /** Sources that were left out before the compiler saw them. */
  readonly unread: number;
  /** Whether sensors of a system fill every field that the rule needs. */
  readonly canFire: (rule: SigmaRule, system: (typeof PLATFORMS)[number]) => boolean;
}

/**
 * A compiled pack as the file that travels (SPEC RP1): its header, a line feed, the compiled rules. Undefined
 * when name or version cannot stand in a header.
 */
export function composePackFile(
  pack: CompiledPack,
  description: PackDescription,
): { readonly text: string; readonly header: RulePackHeader } | undefined {
  const header = RulePackHeader.safeParse(describe(pack, description));
  return header.success ? { text: `${JSON.stringify(header.data)}\n${pack.text}`, header: header.data } : undefined;
}

function describe({ content, rejected }: CompiledPack, { name, version, unread, canFire }: PackDescription): unknown {
  const rules = content.filter((document) => document.kind === 'rule');
  const facts = content.flatMap((document) => (document.kind === 'filter' ? [] : [document.facts]));
  const systems = RULE_PACK_SYSTEMS.flatMap((system) => {
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

function systemOf({ logsource: { product } }: SigmaRule): (typeof RULE_PACK_SYSTEMS)[number] {
  return product === undefined ? 'any' : (PLATFORMS.find((platform) => platform === product) ?? 'other');
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
  const body = readPack(text.slice(end + 1));
  return body.ok ? { ok: true, header: header.header, rules: body.rules } : body;
}
