import { compileValueTest } from '../compile-predicate.ts';
import type { EventView, FieldTable } from '../event-view.ts';
import type { Expression } from '../rule-ast.ts';
import type { Scalar } from '../scalar.ts';
import { type IndexedPredicate, isExpensive, type PredicateTable } from './predicate-table.ts';
import type { SignalBoard } from './signal-board.ts';

/** What is known about the event at hand: signals that were raised, and tests whose result is remembered. */
export interface EventFacts {
  readonly view: EventView;
  readonly board: SignalBoard;
  /** By predicate: number of the event of the remembered result, and the result. */
  readonly testedAt: Int32Array;
  readonly result: Uint8Array;
}

/** A rule's expression over interned predicates. */
export type RuleNode =
  | { readonly kind: 'and' | 'or'; readonly operands: readonly RuleNode[] }
  | { readonly kind: 'not'; readonly operand: RuleNode }
  | {
      readonly kind: 'test';
      readonly predicate: IndexedPredicate;
      readonly expensive: boolean;
      readonly target: TestTarget;
    };

/** What a test looks at: one field, or every value of the event. */
export type TestTarget =
  | { readonly kind: 'field'; readonly name: string; readonly slot: number }
  | { readonly kind: 'any'; readonly test: (value: Scalar) => boolean };

export type RuleTest = (facts: EventFacts) => boolean;

/** Share of events for which a signal is raised, measured or guessed. */
export type Frequency = (signal: number) => number;

/** Makes the nodes of a group's rules. Equal tests share one node. */
export class NodeFactory {
  readonly #table: PredicateTable;
  readonly #fields: FieldTable;
  readonly #tests = new Map<string, RuleNode>();
  /** Rules of a pack share the objects of their tests. */
  readonly #known = new Map<Expression, RuleNode>();
  readonly #targets = new Map<string, TestTarget>();

  constructor(table: PredicateTable, fields: FieldTable) {
    this.#table = table;
    this.#fields = fields;
  }

  make(expression: Expression): RuleNode {
    switch (expression.kind) {
      case 'not':
        return { kind: 'not', operand: this.make(expression.operand) };
      case 'and':
      case 'or':
        return { kind: expression.kind, operands: expression.operands.map((operand) => this.make(operand)) };
      case 'test': {
        const known = this.#known.get(expression);
        if (known !== undefined) return known;
        const node = this.#makeTest(expression);
        this.#known.set(expression, node);
        return node;
      }
    }
  }

  #targetOf(name: string): TestTarget {
    const known = this.#targets.get(name);
    if (known !== undefined) return known;
    const target: TestTarget = { kind: 'field', name, slot: this.#fields.slotOf(name) };
    this.#targets.set(name, target);
    return target;
  }

  #makeTest({ field, predicate }: Extract<Expression, { readonly kind: 'test' }>): RuleNode {
    const key = JSON.stringify([field ?? null, predicate]);
    const known = this.#tests.get(key);
    if (known !== undefined) return known;
    const node: RuleNode = {
      kind: 'test',
      predicate: this.#table.index(field, predicate),
      expensive: isExpensive(predicate),
      target: field === undefined ? { kind: 'any', test: compileValueTest(predicate) } : this.#targetOf(field),
    };
    this.#tests.set(key, node);
    return node;
  }
}

/** Decides one predicate, remembering what a test of its own says. */
export function predicateHolds(predicate: IndexedPredicate, facts: EventFacts): boolean {
  const { board } = facts;
  if (predicate.kind === 'direct') return board.isRaised(predicate.signal);
  if (predicate.kind === 'gated' && !(anyRaised(predicate.signals, board) && allRaised(predicate.all, board)))
    return false;
  const { id, test } = predicate;
  if (facts.testedAt[id] === board.epoch) return facts.result[id] === 1;
  const result = test(facts.view);
  facts.testedAt[id] = board.epoch;
  facts.result[id] = result ? 1 : 0;
  return result;
}

function anyRaised(signals: readonly number[], board: SignalBoard): boolean {
  for (const signal of signals) if (board.isRaised(signal)) return true;
  return false;
}

function allRaised(signals: readonly number[], board: SignalBoard): boolean {
  for (const signal of signals) if (!board.isRaised(signal)) return false;
  return true;
}

/** Signals of which at least one is raised whenever the rule matches. */
export interface Witness {
  readonly signals: readonly number[];
  /** Expected number of them raised by an event. */
  readonly frequency: number;
}

/** The rarest witness of a rule; undefined when it can match without any signal. */
export function chooseWitness(node: RuleNode, frequency: Frequency): Witness | undefined {
  switch (node.kind) {
    case 'not':
      return undefined;
    case 'test':
      return witnessOfTest(node.predicate, frequency);
    case 'and': {
      let best: Witness | undefined;
      for (const operand of node.operands) {
        const witness = chooseWitness(operand, frequency);
        if (witness !== undefined && (best === undefined || witness.frequency < best.frequency)) best = witness;
      }
      return best;
    }
    case 'or': {
      const signals = new Set<number>();
      for (const operand of node.operands) {
        const witness = chooseWitness(operand, frequency);
        if (witness === undefined) return undefined;
        for (const signal of witness.signals) signals.add(signal);
      }
      return witnessOf([...signals], frequency);
    }
  }
}

/** Signals that a predicate asks for. */
export function signalsOf(predicate: IndexedPredicate): readonly number[] {
  if (predicate.kind === 'lazy') return [];
  return predicate.kind === 'direct' ? [predicate.signal] : [...predicate.signals, ...predicate.all];
}

function witnessOfTest(predicate: IndexedPredicate, frequency: Frequency): Witness | undefined {
  if (predicate.kind === 'lazy') return undefined;
  if (predicate.kind === 'direct') return witnessOf([predicate.signal], frequency);
  let best = witnessOf(predicate.signals, frequency);
  for (const signal of predicate.all) {
    const witness = witnessOf([signal], frequency);
    if (witness.frequency < best.frequency) best = witness;
  }
  return best;
}

function witnessOf(signals: readonly number[], frequency: Frequency): Witness {
  return { signals, frequency: signals.reduce((sum, signal) => sum + frequency(signal), 0) };
}

interface Compiled {
  readonly test: RuleTest;
  /** Expected cost of one evaluation, in comparisons of signals. */
  readonly cost: number;
  /** Expected share of events for which it holds. */
  readonly share: number;
}

const LAZY_COST = 12;
const REGEX_COST = 400;
const LAZY_SHARE = 0.2;

/** Compiles a rule; operands are ordered so that the cheapest decisive ones come first. */
export function compileNode(node: RuleNode, frequency: Frequency): RuleTest {
  return compile(node, frequency).test;
}

function compile(node: RuleNode, frequency: Frequency): Compiled {
  switch (node.kind) {
    case 'not': {
      const { test, cost, share } = compile(node.operand, frequency);
      return { test: (facts) => !test(facts), cost, share: 1 - share };
    }
    case 'test':
      return compileTest(node.predicate, node.expensive, frequency);
    case 'and':
      return compileAnd(node.operands.map((operand) => compile(operand, frequency)));
    case 'or':
      return compileOr(node.operands, frequency);
  }
}

function compileTest(predicate: IndexedPredicate, expensive: boolean, frequency: Frequency): Compiled {
  if (predicate.kind === 'direct') {
    const { signal } = predicate;
    return { test: ({ board }) => board.raisedAt[signal] === board.epoch, cost: 1, share: frequency(signal) };
  }
  const test: RuleTest = (facts) => predicateHolds(predicate, facts);
  const own = expensive ? REGEX_COST : LAZY_COST;
  if (predicate.kind === 'lazy') return { test, cost: own, share: LAZY_SHARE };
  const { signals } = predicate;
  const share = Math.min(1, witnessOfTest(predicate, frequency)?.frequency ?? 1);
  return { test, cost: signals.length + share * own, share };
}

function compileAnd(operands: readonly Compiled[]): Compiled {
  const sorted = operands.toSorted((a, b) => a.cost / (1.0001 - a.share) - b.cost / (1.0001 - b.share));
  const tests = sorted.map(({ test }) => test);
  let cost = 0;
  let share = 1;
  for (const operand of sorted) {
    cost += share * operand.cost;
    share *= operand.share;
  }
  const [first, second] = tests;
  if (first !== undefined && tests.length === 1) return { test: first, cost, share };
  if (first !== undefined && second !== undefined && tests.length === 2) {
    return { test: (facts) => first(facts) && second(facts), cost, share };
  }
  return { test: allOf(tests), cost, share };
}

function allOf(tests: readonly RuleTest[]): RuleTest {
  return (facts) => {
    for (const test of tests) if (!test(facts)) return false;
    return true;
  };
}

/** Many alternatives are direct: those are one loop over signals. */
function compileOr(nodes: readonly RuleNode[], frequency: Frequency): Compiled {
  const direct: number[] = [];
  const others: Compiled[] = [];
  for (const node of nodes) {
    if (node.kind === 'test' && node.predicate.kind === 'direct') direct.push(node.predicate.signal);
    else others.push(compile(node, frequency));
  }
  const signals = direct.toSorted((a, b) => frequency(b) - frequency(a));
  const sorted = others.toSorted((a, b) => a.cost / (0.0001 + a.share) - b.cost / (0.0001 + b.share));
  const tests = sorted.map(({ test }) => test);
  const missed = direct.reduce((rest, signal) => rest * (1 - frequency(signal)), 1);
  const cost = direct.length / 2 + missed * sorted.reduce((sum, operand) => sum + operand.cost, 0);
  const share = 1 - sorted.reduce((rest, operand) => rest * (1 - operand.share), missed);
  return {
    test: (facts) => {
      const { raisedAt, epoch } = facts.board;
      for (const signal of signals) if (raisedAt[signal] === epoch) return true;
      for (const test of tests) if (test(facts)) return true;
      return false;
    },
    cost,
    share,
  };
}
