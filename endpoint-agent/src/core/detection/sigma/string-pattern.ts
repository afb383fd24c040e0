import { foldCase, foldDashes } from './case-folding.ts';
import type { PatternPart } from './rule-ast.ts';

/**
 * Reads a Sigma string. `*` and `?` are wildcards; a backslash makes the next `*`, `?` or backslash plain, and
 * is itself plain before anything else. So `\*` is a star, `\\*` a backslash and a wildcard, `\\\*` a backslash
 * and a star, and `\` and `\\` are one backslash (Sigma rules specification, "Escaping").
 */
export function parsePattern(source: string): readonly PatternPart[] {
  const parts: PatternPart[] = [];
  let literal = '';
  const flush = (): void => {
    if (literal !== '') parts.push({ literal });
    literal = '';
  };
  for (let i = 0; i < source.length; i += 1) {
    const character = source[i] as string;
    const next = source[i + 1];
    if (character === '\\' && (next === '*' || next === '?' || next === '\\')) {
      literal += next;
      i += 1;
    } else if (character === '*') {
      flush();
      if (parts.at(-1) !== 'any') parts.push('any');
    } else if (character === '?') {
      flush();
      parts.push('one');
    } else {
      literal += character;
    }
  }
  flush();
  return parts;
}

/** Puts `*` before and/or after, unless it stands there already. */
export function wrapPattern(parts: readonly PatternPart[], before: boolean, after: boolean): readonly PatternPart[] {
  const wrapped = [...parts];
  if (before && wrapped[0] !== 'any') wrapped.unshift('any');
  if (after && wrapped.at(-1) !== 'any') wrapped.push('any');
  return wrapped;
}

export function hasWildcard(parts: readonly PatternPart[]): boolean {
  return parts.some((part) => typeof part === 'string');
}

/** The text of a pattern without wildcards. */
export function literalText(parts: readonly PatternPart[]): string {
  return parts.map((part) => (typeof part === 'string' ? '' : part.literal)).join('');
}

export function foldPattern(
  parts: readonly PatternPart[],
  fold: { readonly cased: boolean; readonly windash: boolean },
): readonly PatternPart[] {
  return parts.map((part) => (typeof part === 'string' ? part : { literal: foldText(part.literal, fold) }));
}

export function foldText(text: string, fold: { readonly cased: boolean; readonly windash: boolean }): string {
  const cased = fold.cased ? text : foldCase(text);
  return fold.windash ? foldDashes(cased) : cased;
}
