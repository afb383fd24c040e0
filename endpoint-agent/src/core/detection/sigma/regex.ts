import { RE2JS } from 're2js';
import type { RegexFlags } from './rule-ast.ts';

/** Longest regular expression of a rule, in UTF-16 code units. */
export const REGEX_LENGTH = 8_192;
/** Largest compiled program, in instructions: matching takes at most text length times this many steps. */
const PROGRAM_SIZE = 20_000;
/** Regular expressions look at this much of a value; the rest of a longer one is not searched. */
export const REGEX_INPUT_LENGTH = 262_144;

export type CompiledRegex = { readonly ok: true; readonly test: (text: string) => boolean } | RegexFailure;
export interface RegexFailure {
  readonly ok: false;
  readonly message: string;
}

/**
 * Compiles with an engine that runs in linear time; look-around and back-references do not exist in it (nor in
 * the flavour that Sigma defines). The expression may match anywhere in the text.
 */
export function compileRegex(source: string, flags: RegexFlags): CompiledRegex {
  if (source.length > REGEX_LENGTH) return { ok: false, message: `longer than ${REGEX_LENGTH} characters` };
  const bits =
    (flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.multiLine ? RE2JS.MULTILINE : 0) |
    (flags.dotAll ? RE2JS.DOTALL : 0);
  let expression: RE2JS;
  try {
    expression = RE2JS.compile(source, bits);
  } catch (error) {
    // The library reports every syntax error by throwing.
    return { ok: false, message: error instanceof Error ? error.message : 'not a regular expression' };
  }
  if (expression.programSize() > PROGRAM_SIZE) return { ok: false, message: 'too large once repetitions are expanded' };
  return {
    ok: true,
    test: (text) => expression.test(text.length > REGEX_INPUT_LENGTH ? text.slice(0, REGEX_INPUT_LENGTH) : text),
  };
}
