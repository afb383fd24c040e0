import { applyModifiers, VALUE_MODIFIERS, type ValueModifier } from './modifiers.ts';
import { expandPlaceholders, type Placeholders } from './placeholders.ts';
import type { Problem } from './rejections.ts';
import type { Expression } from './rule-ast.ts';
import type { YamlEntry, YamlMap, YamlNode, YamlScalar } from './yaml-reader.ts';

/** What the search identifiers of a detection (or filter) section stand for. */
export type Selections = ReadonlyMap<string, Expression>;

/** Most comparisons of one rule. */
const PREDICATES = 10_000;
/** Modifiers that make sense without a field. */
const KEYWORD_MODIFIERS: ReadonlySet<string> = new Set([
  'contains',
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
]);

interface Context {
  readonly placeholders: Placeholders;
  readonly problem: Problem;
  predicates: number;
}

/** Reads every search identifier of a section; `reserved` are the section's other keys. */
export function parseSelections(
  section: YamlMap,
  reserved: readonly string[],
  placeholders: Placeholders,
  problem: Problem,
): Selections | undefined {
  const context: Context = { placeholders, problem, predicates: 0 };
  const selections = new Map<string, Expression>();
  for (const entry of section.entries) {
    if (reserved.includes(entry.key)) continue;
    const expression = parseSelection(entry, context);
    if (expression === undefined) return undefined;
    selections.set(entry.key, expression);
  }
  return selections;
}

function parseSelection(entry: YamlEntry, context: Context): Expression | undefined {
  const { value } = entry;
  switch (value.kind) {
    case 'map':
      return parseMap(value, context);
    case 'list':
      return parseAlternatives(value.items, entry, context);
    case 'scalar':
      return parseKeywords(undefined, value, entry.line, context);
  }
}

/** A list: maps and keywords linked by OR. */
function parseAlternatives(items: readonly YamlNode[], entry: YamlEntry, context: Context): Expression | undefined {
  if (items.length === 0) {
    return context.problem.reject(entry.line, 'empty_value', `\`${entry.key}\` is an empty list`);
  }
  const operands: Expression[] = [];
  for (const item of items) {
    let operand: Expression | undefined;
    if (item.kind === 'map') operand = parseMap(item, context);
    else if (item.kind === 'scalar') operand = parseKeywords(undefined, item, item.line, context);
    else operand = context.problem.reject(item.line, 'wrong_type', 'a list must not stand in a list');
    if (operand === undefined) return undefined;
    operands.push(operand);
  }
  return combine('or', operands);
}

/** A map: its items linked by AND. */
function parseMap(map: YamlMap, context: Context): Expression | undefined {
  if (map.entries.length === 0) return context.problem.reject(map.line, 'empty_value', 'an empty map selects nothing');
  const operands: Expression[] = [];
  for (const entry of map.entries) {
    const [field = '', ...modifiers] = entry.key.split('|');
    const operand =
      field === ''
        ? parseKeywords(modifiers, entry.value, entry.line, context)
        : parseItem(field, modifiers, entry.value, entry.line, context);
    if (operand === undefined) return undefined;
    operands.push(operand);
  }
  return combine('and', operands);
}

function parseKeywords(
  modifiers: readonly string[] | undefined,
  value: YamlNode,
  line: number,
  context: Context,
): Expression | undefined {
  const written = modifiers ?? [];
  const unfit = written.find(
    (name) => !KEYWORD_MODIFIERS.has(name) && isModifier(name) && name !== 'all' && name !== 'expand',
  );
  if (unfit !== undefined) {
    return context.problem.reject(line, 'modifier_needs_field', `\`${unfit}\` needs a field`);
  }
  // A keyword may stand anywhere in a value.
  const searches = written.includes('re') || written.includes('contains') ? written : [...written, 'contains'];
  return parseItem(undefined, searches, value, line, context);
}

function isModifier(name: string): name is ValueModifier | 'all' | 'neq' | 'expand' {
  return name === 'all' || name === 'neq' || name === 'expand' || VALUE_MODIFIERS.some((known) => known === name);
}

/** One field with its modifiers and values. */
function parseItem(
  field: string | undefined,
  modifiers: readonly string[],
  value: YamlNode,
  line: number,
  context: Context,
): Expression | undefined {
  const { problem } = context;
  const unknown = modifiers.find((name) => !isModifier(name));
  if (unknown !== undefined) return problem.reject(line, 'unknown_modifier', `unknown modifier \`${unknown}\``);
  if (new Set(modifiers).size !== modifiers.length) {
    return problem.reject(line, 'modifier_conflict', 'a modifier stands twice');
  }
  const values = valuesOf(value, line, context);
  if (values === undefined) return undefined;
  if (modifiers.includes('exists') && (modifiers.length > 1 || value.kind === 'list')) {
    return problem.reject(line, 'modifier_conflict', '`exists` takes one value and no other modifier');
  }
  const forValues = modifiers.filter((name): name is ValueModifier => VALUE_MODIFIERS.some((known) => known === name));
  const operands: Expression[] = [];
  for (const scalar of values) {
    const variants = modifiers.includes('expand')
      ? expandPlaceholders(scalar, context.placeholders, problem)
      : [scalar];
    if (variants === undefined) return undefined;
    const tests: Expression[] = [];
    for (const variant of variants) {
      const predicates = applyModifiers(variant, forValues, problem);
      if (predicates === undefined) return undefined;
      context.predicates += predicates.length;
      if (context.predicates > PREDICATES) {
        return problem.reject(line, 'rule_too_large', `more than ${PREDICATES} comparisons`);
      }
      for (const predicate of predicates) tests.push({ kind: 'test', field, predicate });
    }
    operands.push(combine('or', tests));
  }
  const linked = combine(modifiers.includes('all') ? 'and' : 'or', operands);
  return modifiers.includes('neq') ? { kind: 'not', operand: linked } : linked;
}

function valuesOf(value: YamlNode, line: number, { problem }: Context): readonly YamlScalar[] | undefined {
  if (value.kind === 'scalar') return [value];
  if (value.kind === 'map')
    return problem.reject(value.line, 'wrong_type', 'a field takes a value or a list of values');
  if (value.items.length === 0) return problem.reject(line, 'empty_value', 'a field takes at least one value');
  const scalars: YamlScalar[] = [];
  for (const item of value.items) {
    if (item.kind !== 'scalar') {
      return problem.reject(item.line, 'wrong_type', 'a list of values must hold plain values');
    }
    if (item.value === null) return problem.reject(item.line, 'null_in_list', 'null must not stand in a list');
    scalars.push(item);
  }
  return scalars;
}

/** Links expressions; one alone stands for itself. */
export function combine(kind: 'and' | 'or', operands: readonly Expression[]): Expression {
  const [only] = operands;
  return operands.length === 1 && only !== undefined ? only : { kind, operands };
}
