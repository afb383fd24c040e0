import type { Problem } from './rejections.ts';
import type { YamlScalar } from './yaml-reader.ts';

/** Values of `%name%` in rules that use the `expand` modifier; each may be a pattern such as `srv*`. */
export type Placeholders = ReadonlyMap<string, readonly string[]>;

const PLACEHOLDER = /\\%|%([A-Za-z0-9_-]+)%/g;
const EXPANSIONS = 1_000;

/**
 * Writes out the placeholders of one value, one result for each combination. `\%` is a plain percent sign.
 * A placeholder without values makes the rule unusable, as the specification demands.
 */
export function expandPlaceholders(
  node: YamlScalar,
  placeholders: Placeholders,
  problem: Problem,
): readonly YamlScalar[] | undefined {
  if (typeof node.value !== 'string') {
    return problem.reject(node.line, 'modifier_conflict', '`expand` takes a string');
  }
  let texts = [''];
  let end = 0;
  for (const match of node.value.matchAll(PLACEHOLDER)) {
    const between = node.value.slice(end, match.index);
    end = match.index + match[0].length;
    const [, name] = match;
    const values = name === undefined ? ['%'] : placeholders.get(name);
    if (values === undefined || values.length === 0) {
      return problem.reject(node.line, 'placeholder_unresolved', `no values are configured for %${name}%`);
    }
    if (texts.length * values.length > EXPANSIONS) {
      return problem.reject(node.line, 'rule_too_large', `placeholders expand to more than ${EXPANSIONS} values`);
    }
    texts = texts.flatMap((text) => values.map((value) => text + between + value));
  }
  const rest = node.value.slice(end);
  return texts.map((text) => ({ kind: 'scalar', line: node.line, value: text + rest, source: text + rest }));
}
