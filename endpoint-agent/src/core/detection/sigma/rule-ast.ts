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

export const CORRELATION_TYPES = [
  'event_count',
  'value_count',
  'temporal',
  'temporal_ordered',
  'value_sum',
  'value_avg',
  'value_min',
  'value_max',
  'value_median',
  'value_percentile',
] as const;
export type CorrelationType = (typeof CORRELATION_TYPES)[number];

/** A bound on what a correlation counts or computes. All bounds of a condition must hold. */
export interface CorrelationBound {
  readonly operator: CompareOperator | 'neq';
  readonly value: number;
}

/** Boolean expression over the referred rules, by their position in `rules`. */
export type CorrelationExpression =
  | { readonly kind: 'rule'; readonly rule: number }
  | { readonly kind: 'not'; readonly operand: CorrelationExpression }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly CorrelationExpression[] };

export interface SigmaCorrelation {
  readonly kind: 'correlation';
  readonly place: Place;
  readonly facts: RuleFacts;
  readonly name?: string;
  readonly type: CorrelationType;
  /** Ids or names of rules and correlations. */
  readonly rules: readonly string[];
  readonly groupBy: readonly string[];
  /** Milliseconds. */
  readonly timespan: number;
  readonly bounds: readonly CorrelationBound[];
  /** Fields whose values are counted or computed with. */
  readonly fields: readonly string[];
  /** Of `value_percentile`: which one, 0 to 100. Without it the share of the value itself is meant, in percent. */
  readonly percentile?: number;
  readonly expression?: CorrelationExpression;
  /** Alias to the field's name in the events of each rule, by the rule's id or name. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Whether the referred rules also match by themselves. */
  readonly generate: boolean;
}

/** Narrows rules: their condition and this one must hold. */
export interface SigmaFilter {
  readonly kind: 'filter';
  readonly place: Place;
  readonly title: string;
  readonly logsource: RuleLogSource;
  /** Ids or names; `any` means every rule of the log source. */
  readonly rules: readonly string[] | 'any';
  readonly condition: Expression;
}

export type SigmaDocument = SigmaRule | SigmaCorrelation | SigmaFilter;
