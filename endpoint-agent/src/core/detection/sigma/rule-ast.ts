import type { RuleFacts } from '@yagura/protocol';

/** Piece of a Sigma string: a literal, `*` (any number of characters) or `?` (exactly one character). */
export type PatternPart = { readonly literal: string } | 'any' | 'one';

export type CompareOperator = 'lt' | 'lte' | 'gt' | 'gte' | 'eq';

export const TIME_PARTS = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const;
export type TimePart = (typeof TIME_PARTS)[number];

/** How `fieldref` compares: the field equals, starts with, ends with or contains the other field's value. */
export type ReferenceMode = 'equals' | 'startswith' | 'endswith' | 'contains';

/** A test of one value. Everything that modifiers do statically has been done: only what is left to compare. */
export type Predicate =
  | {
      readonly kind: 'text';
      readonly parts: readonly PatternPart[];
      readonly cased: boolean;
      /** The five dash-like characters of `windash` count as one. */
      readonly windash: boolean;
    }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'compare'; readonly operator: CompareOperator; readonly value: number }
  | { readonly kind: 'time'; readonly part: TimePart; readonly operator: CompareOperator; readonly value: number }
  | { readonly kind: 'regex'; readonly source: string; readonly flags: RegexFlags }
  | { readonly kind: 'cidr'; readonly network: string }
  | { readonly kind: 'reference'; readonly field: string; readonly mode: ReferenceMode; readonly cased: boolean }
  | { readonly kind: 'exists'; readonly present: boolean }
  /** The field is absent. */
  | { readonly kind: 'null' };

export interface RegexFlags {
  readonly ignoreCase: boolean;
  readonly multiLine: boolean;
  readonly dotAll: boolean;
}

/** A rule's detection as one boolean expression; search identifiers and `x of` are resolved. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Expression[] }
  | { readonly kind: 'not'; readonly operand: Expression }
  /** A predicate on one field; without a field, on every value of the event (keywords). */
  | { readonly kind: 'test'; readonly field: string | undefined; readonly predicate: Predicate };

/** `logsource` of a rule; an absent attribute matches anything. */
export interface RuleLogSource {
  readonly product?: string;
  readonly category?: string;
  readonly service?: string;
}

/** Where in its file something stands. `line` is 1-based. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface SigmaRule {
  readonly kind: 'rule';
  readonly place: Place;
  readonly facts: RuleFacts;
  /** Human-readable name by which correlations may refer to the rule. */
  readonly name?: string;
  readonly logsource: RuleLogSource;
  readonly expression: Expression;
}
