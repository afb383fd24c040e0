import { WINDOWS_DASHES } from './case-folding.ts';
import { parseNetwork } from './cidr.ts';
import { base64, base64Offsets, UTF16_MARK, utf8Bytes, utf16Bytes } from './encoding.ts';
import { compileRegex } from './regex.ts';
import type { Problem } from './rejections.ts';
import {
  type CompareOperator,
  type PatternPart,
  type Predicate,
  type ReferenceMode,
  TIME_PARTS,
  type TimePart,
} from './rule-ast.ts';
import { hasWildcard, literalText, parsePattern, wrapPattern } from './string-pattern.ts';
import type { YamlScalar } from './yaml-reader.ts';

/** Modifiers that change a value; `all` and `neq` concern the whole item and are not among them. */
export const VALUE_MODIFIERS = [
  'contains',
  'startswith',
  'endswith',
  'exists',
  'cased',
  'windash',
  're',
  'i',
  'm',
  's',
  'ignorecase',
  'multiline',
  'dotall',
  'base64',
  'base64offset',
  'utf16le',
  'utf16be',
  'utf16',
  'wide',
  'lt',
  'lte',
  'gt',
  'gte',
  ...TIME_PARTS,
  'cidr',
  'fieldref',
] as const;
export type ValueModifier = (typeof VALUE_MODIFIERS)[number];

/** Most values that one value of a rule may expand to. */
const EXPANSIONS = 1_000;

interface Pattern {
  kind: 'pattern';
  parts: readonly PatternPart[];
  cased: boolean;
  windash: boolean;
  /** The characters of `parts` are bytes. */
  bytes: boolean;
}

/** A value on its way through its modifiers. */
type Draft = { kind: 'scalar'; node: YamlScalar } | Pattern | Exclude<Predicate, { kind: 'text' | 'number' | 'null' }>;

/**
 * Applies modifiers, in order, to one value. The result is a list that is linked by OR (`base64offset` has
 * three). On a value that a modifier cannot take, the problem is noted and undefined returned.
 */
export function applyModifiers(
  node: YamlScalar,
  modifiers: readonly ValueModifier[],
  problem: Problem,
): readonly Predicate[] | undefined {
  let drafts: readonly Draft[] = [{ kind: 'scalar', node }];
  for (const modifier of modifiers) {
    const next: Draft[] = [];
    for (const draft of drafts) {
      const applied = applyModifier(draft, modifier, node, problem);
      if (applied === undefined) return undefined;
      next.push(...applied);
    }
    if (next.length > EXPANSIONS) {
      return problem.reject(node.line, 'rule_too_large', `one value expands to more than ${EXPANSIONS}`);
    }
    drafts = next;
  }
  const predicates: Predicate[] = [];
  for (const draft of drafts) {
    const predicate = finish(draft, node, problem);
    if (predicate === undefined) return undefined;
    predicates.push(predicate);
  }
  return predicates;
}

function applyModifier(
  draft: Draft,
  modifier: ValueModifier,
  node: YamlScalar,
  problem: Problem,
): readonly Draft[] | undefined {
  const conflict = (): undefined =>
    problem.reject(node.line, 'modifier_conflict', `\`${modifier}\` cannot be applied to this value`);
  switch (modifier) {
    case 'contains':
    case 'startswith':
    case 'endswith':
      return applyPosition(draft, modifier) ?? conflict();
    case 'cased': {
      if (draft.kind === 'reference') return [{ ...draft, cased: true }];
      const pattern = toPattern(draft);
      return pattern === undefined ? conflict() : [{ ...pattern, cased: true }];
    }
    case 'windash': {
      const pattern = toPattern(draft);
      return pattern === undefined || pattern.bytes ? conflict() : [{ ...pattern, windash: true }];
    }
    case 'utf16le':
    case 'wide':
    case 'utf16be':
    case 'utf16': {
      const pattern = toPattern(draft);
      return pattern === undefined || pattern.bytes ? conflict() : encodeWide(pattern, modifier, node, problem);
    }
    case 'base64':
    case 'base64offset': {
      const pattern = toPattern(draft);
      return pattern === undefined ? conflict() : encodeBase64(pattern, modifier, node, problem);
    }
    case 're':
      return draft.kind === 'scalar' ? startRegex(draft.node, problem) : conflict();
    case 'i':
    case 'ignorecase':
      return draft.kind === 'regex' ? [withFlag(draft, 'ignoreCase')] : conflict();
    case 'm':
    case 'multiline':
      return draft.kind === 'regex' ? [withFlag(draft, 'multiLine')] : conflict();
    case 's':
    case 'dotall':
      return draft.kind === 'regex' ? [withFlag(draft, 'dotAll')] : conflict();
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return applyComparison(draft, modifier, problem) ?? conflict();
    case 'minute':
    case 'hour':
    case 'day':
    case 'week':
    case 'month':
    case 'year':
      return applyTimePart(draft, modifier, problem) ?? conflict();
    case 'cidr':
      return draft.kind === 'scalar' ? startNetwork(draft.node, problem) : conflict();
    case 'fieldref':
      return draft.kind === 'scalar' ? startReference(draft.node, problem) : conflict();
    case 'exists':
      if (draft.kind !== 'scalar') return conflict();
      if (typeof draft.node.value !== 'boolean') {
        return problem.reject(node.line, 'invalid_value', '`exists` takes true or false');
      }
      return [{ kind: 'exists', present: draft.node.value }];
  }
}

function toPattern(draft: Draft): Pattern | undefined {
  if (draft.kind === 'pattern') return draft;
  if (draft.kind !== 'scalar' || draft.node.value === null) return undefined;
  return { kind: 'pattern', parts: parsePattern(draft.node.source), cased: false, windash: false, bytes: false };
}

function applyPosition(draft: Draft, mode: Exclude<ReferenceMode, 'equals'>): readonly Draft[] | undefined {
  if (draft.kind === 'reference') return [{ ...draft, mode }];
  if (draft.kind === 'regex') {
    const source =
      mode === 'contains' ? draft.source : mode === 'startswith' ? `^(?:${draft.source})` : `(?:${draft.source})$`;
    return [{ ...draft, source }];
  }
  const pattern = toPattern(draft);
  if (pattern === undefined) return undefined;
  return [{ ...pattern, parts: wrapPattern(pattern.parts, mode !== 'startswith', mode !== 'endswith') }];
}

/** The pattern with other text, its dashes written out. */
function withParts(pattern: Pattern, parts: readonly PatternPart[], bytes: boolean): Pattern {
  return { kind: 'pattern', parts, cased: pattern.cased, windash: false, bytes };
}

/** Writes out the alternatives of `windash`, which must be known before a value is encoded. */
function expandDashes(pattern: Pattern): readonly Pattern[] | undefined {
  if (!pattern.windash) return [pattern];
  let variants: (readonly PatternPart[])[] = [[]];
  for (const part of pattern.parts) {
    const texts = typeof part === 'string' ? [part] : dashVariants(part.literal)?.map((literal) => ({ literal }));
    if (texts === undefined || texts.length * variants.length > EXPANSIONS) return undefined;
    variants = variants.flatMap((variant) => texts.map((text) => variant.concat(text)));
  }
  return variants.map((parts) => withParts(pattern, parts, pattern.bytes));
}

function dashVariants(text: string): readonly string[] | undefined {
  let variants = [''];
  for (const character of text) {
    const choices = WINDOWS_DASHES.some((dash) => dash === character) ? WINDOWS_DASHES : [character];
    if (variants.length * choices.length > EXPANSIONS) return undefined;
    variants = variants.flatMap((variant) => choices.map((choice) => variant + choice));
  }
  return variants;
}

function encodeWide(
  pattern: Pattern,
  modifier: 'utf16le' | 'wide' | 'utf16be' | 'utf16',
  node: YamlScalar,
  problem: Problem,
): readonly Draft[] | undefined {
  const plain = expandDashes(pattern);
  if (plain === undefined) {
    return problem.reject(node.line, 'rule_too_large', `one value expands to more than ${EXPANSIONS}`);
  }
  return plain.map((variant) => {
    const encoded = variant.parts.map((part) =>
      typeof part === 'string'
        ? part
        : { literal: utf16Bytes(part.literal, modifier === 'utf16be' ? 'big' : 'little') },
    );
    const parts = modifier === 'utf16' ? markStart(encoded) : encoded;
    return withParts(variant, parts, true);
  });
}

function markStart(parts: readonly PatternPart[]): readonly PatternPart[] {
  const at = parts.findIndex((part) => typeof part === 'object');
  if (at < 0) return [...parts, { literal: UTF16_MARK }];
  return parts.map((part, i) => (i === at && typeof part === 'object' ? { literal: UTF16_MARK + part.literal } : part));
}

function encodeBase64(
  pattern: Pattern,
  modifier: 'base64' | 'base64offset',
  node: YamlScalar,
  problem: Problem,
): readonly Draft[] | undefined {
  if (hasWildcard(pattern.parts)) {
    return problem.reject(
      node.line,
      'modifier_conflict',
      `a value with wildcards cannot be encoded by \`${modifier}\``,
    );
  }
  const plain = expandDashes(pattern);
  if (plain === undefined) {
    return problem.reject(node.line, 'rule_too_large', `one value expands to more than ${EXPANSIONS}`);
  }
  return plain.flatMap((variant) => {
    const text = literalText(variant.parts);
    const bytes = variant.bytes ? text : utf8Bytes(text);
    const encoded = modifier === 'base64' ? [base64(bytes)] : base64Offsets(bytes);
    return encoded.map((literal) => withParts(variant, literal === '' ? [] : [{ literal }], false));
  });
}

function startRegex(node: YamlScalar, problem: Problem): readonly Draft[] | undefined {
  if (typeof node.value !== 'string' && typeof node.value !== 'number') {
    return problem.reject(node.line, 'invalid_value', '`re` takes a regular expression');
  }
  return [{ kind: 'regex', source: node.source, flags: { ignoreCase: false, multiLine: false, dotAll: false } }];
}

function withFlag(draft: Extract<Draft, { kind: 'regex' }>, flag: keyof typeof draft.flags): Draft {
  return { ...draft, flags: { ...draft.flags, [flag]: true } };
}

function applyComparison(draft: Draft, operator: CompareOperator, problem: Problem): readonly Draft[] | undefined {
  if (draft.kind === 'time' && draft.operator === 'eq') return [{ ...draft, operator }];
  if (draft.kind !== 'scalar') return undefined;
  if (typeof draft.node.value !== 'number') {
    return problem.reject(draft.node.line, 'invalid_value', `\`${operator}\` takes a number`);
  }
  return [{ kind: 'compare', operator, value: draft.node.value }];
}

function applyTimePart(draft: Draft, part: TimePart, problem: Problem): readonly Draft[] | undefined {
  if (draft.kind === 'compare') return [{ kind: 'time', part, operator: draft.operator, value: draft.value }];
  if (draft.kind !== 'scalar') return undefined;
  if (typeof draft.node.value !== 'number' || !Number.isInteger(draft.node.value)) {
    return problem.reject(draft.node.line, 'invalid_value', `\`${part}\` takes a whole number`);
  }
  return [{ kind: 'time', part, operator: 'eq', value: draft.node.value }];
}

function startNetwork(node: YamlScalar, problem: Problem): readonly Draft[] | undefined {
  if (typeof node.value !== 'string' || parseNetwork(node.value) === undefined) {
    return problem.reject(node.line, 'invalid_value', `\`cidr\` takes an IPv4 or IPv6 network, not "${node.source}"`);
  }
  return [{ kind: 'cidr', network: node.value }];
}

function startReference(node: YamlScalar, problem: Problem): readonly Draft[] | undefined {
  const parts = typeof node.value === 'string' ? parsePattern(node.value) : [];
  if (parts.length === 0 || hasWildcard(parts)) {
    return problem.reject(node.line, 'invalid_value', '`fieldref` takes the name of a field');
  }
  return [{ kind: 'reference', field: literalText(parts), mode: 'equals', cased: false }];
}

function finish(draft: Draft, node: YamlScalar, problem: Problem): Predicate | undefined {
  if (draft.kind === 'scalar') {
    const { value, source } = draft.node;
    if (value === null) return { kind: 'null' };
    if (typeof value === 'number') return { kind: 'number', value };
    const parts = typeof value === 'boolean' ? [{ literal: String(value) }] : parsePattern(source);
    return { kind: 'text', parts, cased: false, windash: false };
  }
  if (draft.kind === 'pattern') {
    return { kind: 'text', parts: draft.parts, cased: draft.cased, windash: draft.windash };
  }
  if (draft.kind === 'regex') {
    const compiled = compileRegex(draft.source, draft.flags);
    if (!compiled.ok) return problem.reject(node.line, 'regex_unsupported', compiled.message);
  }
  return draft;
}
