import { z } from 'zod';
import { RuleFacts } from '@yagura/protocol';
import { type LoadedRules, linkRules } from '../sigma/load-rules.ts';
import { parseRules, type RuleSource } from '../sigma/parse-rule.ts';
import type { Placeholders } from '../sigma/placeholders.ts';
import { CORRELATION_TYPES, type SigmaCorrelation, type SigmaDocument } from '../sigma/rule-ast.ts';
import type { RuleRejection } from '../evaluator.ts';
import { isExpression } from './check-expression.ts';

/**
 * A compiled pack: the documents of many rule files, parsed and with their modifiers applied, so that an endpoint
 * need not parse YAML. One JSON object, in UTF-8; who may load one is decided by its signature, not here.
 */
export const PACK_FORMAT = 'yagura-rules';
export const PACK_VERSION = 1;
/** Characters of the largest pack; the whole public corpus has about 12 million. */
export const PACK_LENGTH = 67_108_864;

export interface CompiledPack {
  readonly text: string;
  readonly documents: number;
  readonly rejected: readonly RuleRejection[];
}

/** Compiles rule files. What cannot be loaded is left out and listed, also what does not link. */
export function compilePack(sources: readonly RuleSource[], placeholders: Placeholders = new Map()): CompiledPack {
  const documents: SigmaDocument[] = [];
  const rejected: RuleRejection[] = [];
  for (const source of sources) {
    const parsed = parseRules(source, placeholders);
    documents.push(...parsed.documents);
    rejected.push(...parsed.rejected);
  }
  const linked = linkRules(documents);
  const left = new Set(linked.rejected.map(({ file, line }) => `${file}:${line}`));
  const kept = documents.filter(({ place }) => !left.has(`${place.file}:${place.line}`));
  const text = JSON.stringify({ format: PACK_FORMAT, version: PACK_VERSION, documents: kept.map(toPlain) });
  return { text, documents: kept.length, rejected: [...rejected, ...linked.rejected] };
}

/** Maps have no form in JSON. */
function toPlain(document: SigmaDocument): unknown {
  if (document.kind !== 'correlation') return document;
  return { ...document, aliases: [...document.aliases].map(([alias, fields]) => [alias, [...fields]]) };
}

export const PACK_FAILURES = ['pack_invalid', 'pack_version_unknown', 'pack_too_large'] as const;
export type PackResult =
  | { readonly ok: true; readonly rules: LoadedRules }
  | { readonly ok: false; readonly code: (typeof PACK_FAILURES)[number]; readonly message: string };

const Place = z.strictObject({ file: z.string(), line: z.number().int().min(1) });
const LogSource = z.strictObject({
  product: z.string().exactOptional(),
  category: z.string().exactOptional(),
  service: z.string().exactOptional(),
});
const Expression = z.custom<never>(isExpression, 'no expression of rules');
const Rule = z.strictObject({
  kind: z.literal('rule'),
  place: Place,
  facts: RuleFacts,
  name: z.string().exactOptional(),
  logsource: LogSource,
  expression: Expression,
});
const Filter = z.strictObject({
  kind: z.literal('filter'),
  place: Place,
  title: z.string(),
  logsource: LogSource,
  rules: z.union([z.literal('any'), z.array(z.string())]),
  condition: Expression,
});
const Bound = z.strictObject({ operator: z.enum(['lt', 'lte', 'gt', 'gte', 'eq', 'neq']), value: z.number() });
const CorrelationExpression: z.ZodType<NonNullable<SigmaCorrelation['expression']>> = z.lazy(() =>
  z.union([
    z.strictObject({ kind: z.literal('rule'), rule: z.number().int().min(0).max(31) }),
    z.strictObject({ kind: z.literal('not'), operand: CorrelationExpression }),
    z.strictObject({ kind: z.enum(['and', 'or']), operands: z.array(CorrelationExpression).max(1_000) }),
  ]),
);
const Correlation = z.strictObject({
  kind: z.literal('correlation'),
  place: Place,
  facts: RuleFacts,
  name: z.string().exactOptional(),
  type: z.enum(CORRELATION_TYPES),
  rules: z.array(z.string()).min(1).max(32),
  groupBy: z.array(z.string()).max(8),
  timespan: z.number().positive(),
  bounds: z.array(Bound),
  fields: z.array(z.string()).max(8),
  percentile: z.number().exactOptional(),
  expression: CorrelationExpression.exactOptional(),
  aliases: z
    .array(z.tuple([z.string(), z.array(z.tuple([z.string(), z.string()]))]))
    .transform((entries) => new Map(entries.map(([alias, fields]) => [alias, new Map(fields)] as const))),
  generate: z.boolean(),
});
const Pack = z.strictObject({
  format: z.literal(PACK_FORMAT),
  version: z.literal(PACK_VERSION),
  documents: z.array(z.discriminatedUnion('kind', [Rule, Filter, Correlation])),
});

/** Reads a compiled pack and links its documents. Nothing in it is trusted to have the right shape. */
export function readPack(text: string): PackResult {
  if (text.length > PACK_LENGTH) return { ok: false, code: 'pack_too_large', message: `${text.length} characters` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, code: 'pack_invalid', message: 'the pack is no JSON' };
  }
  const header = z.looseObject({ format: z.literal(PACK_FORMAT), version: z.number() }).safeParse(value);
  if (header.success && header.data.version !== PACK_VERSION) {
    const message = `the pack has version ${header.data.version}; this agent reads version ${PACK_VERSION}`;
    return { ok: false, code: 'pack_version_unknown', message };
  }
  const pack = Pack.safeParse(value);
  if (pack.success) return { ok: true, rules: linkRules(pack.data.documents) };
  const [issue] = pack.error.issues;
  return { ok: false, code: 'pack_invalid', message: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}` };
}
