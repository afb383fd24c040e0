import type { RuleMatch } from '../../evaluator.ts';
import { EventView, FieldTable } from '../event-view.ts';
import type { SigmaRule } from '../rule-ast.ts';
import { explainMatch } from './explain-match.ts';
import { PredicateTable } from './predicate-table.ts';
import type { RuleBudget } from './rule-budget.ts';
import {
  chooseWitness,
  compileNode,
  type EventFacts,
  type Frequency,
  NodeFactory,
  type RuleNode,
  type RuleTest,
  signalsOf,
} from './rule-program.ts';
import { SignalBoard } from './signal-board.ts';
import { type SearchMemory, SignalIndex } from './signal-index.ts';

/** After these many events the choice of witnesses is renewed from what was seen. */
const FIRST_TRAINING = 1_000;
const TRAININGS: ReadonlySet<number> = new Set([FIRST_TRAINING, 20_000, 500_000]);
const NO_MATCHES: readonly RuleMatch[] = [];
/** Counts are halved here, so that they stay small and follow what changes. */
const FORGET_AT = 200_000;
/** Share of events that a signal is expected in before any was seen, times the tests that ask for it. */
const GUESS = 0.0005;
/** How many events' worth of experience the guess counts for. */
const GUESS_WEIGHT = 50;
/** Every so many events the evaluation of each rule is timed, and whenever a value is long. */
const TIMED_EVERY = 32;

/** Every so many events one is learned from, once the first choice was made. */
const LEARNED_EVERY = 8;

interface GroupRule {
  readonly rule: SigmaRule;
  readonly node: RuleNode;
}

export interface RuleGroupOptions {
  /** `false` keeps the first choice of witnesses, made without knowledge of events. */
  readonly adaptive: boolean;
  readonly budget: RuleBudget | undefined;
  readonly memory: SearchMemory;
}

/**
 * The rules of one log source behind an index. One pass over each field finds every literal that any rule asks
 * for and raises its signal; only rules one of whose witnesses was raised are evaluated.
 */
export class RuleGroup {
  readonly #options: RuleGroupOptions;
  readonly #rules: readonly GroupRule[];
  readonly #facts: EventFacts;
  readonly #index: SignalIndex;
  /** By signal: how many tests ask for it, and how many events raised it. */
  readonly #uses: Float64Array;
  readonly #raised: Int32Array;
  #counted = 0;
  #total = 0;
  /** By rule: its compiled expression, and the event for which it was last considered. */
  #tests: readonly RuleTest[] = [];
  readonly #consideredAt: Int32Array;
  /** By signal: where the list of the rules that it is a witness of begins in `#lists`; -1 for none. */
  readonly #heads: Int32Array;
  /** Lists of numbers of rules, each after its length. */
  #lists = new Int32Array(0);
  #unwitnessed = new Int32Array(0);

  constructor(rules: readonly SigmaRule[], options: RuleGroupOptions) {
    this.#options = options;
    const fields = new FieldTable();
    const table = new PredicateTable(fields);
    const nodes = new NodeFactory(table, fields);
    this.#rules = rules.map((rule) => ({
      rule,
      node: nodes.make(rule.expression),
    }));
    this.#index = new SignalIndex(table, fields.names.length, options.memory);
    this.#facts = {
      view: new EventView(fields),
      board: new SignalBoard(table.signalCount),
      testedAt: new Int32Array(table.size),
      result: new Uint8Array(table.size),
    };
    this.#raised = new Int32Array(table.signalCount);
    this.#uses = countUses(this.#rules, table.signalCount);
    this.#consideredAt = new Int32Array(rules.length);
    this.#heads = new Int32Array(table.signalCount);
    this.#plan();
  }

  evaluate(fields: Readonly<Record<string, unknown>>): readonly RuleMatch[] {
    const { board, view, testedAt } = this.#facts;
    const considered = this.#consideredAt;
    if (board.begin()) {
      testedAt.fill(0);
      considered.fill(0);
    }
    view.load(fields);
    const long = this.#index.raise(view, board);
    const weight =
      this.#options.budget === undefined ? 0 : long ? 1 : board.epoch % TIMED_EVERY === 0 ? TIMED_EVERY : 0;
    let matches: RuleMatch[] | undefined;
    const { list, count, epoch } = board;
    const heads = this.#heads;
    const lists = this.#lists;
    for (let i = 0; i < count; i += 1) {
      const head = heads[list[i] as number] as number;
      if (head < 0) continue;
      for (let at = head + 1, end = at + (lists[head] as number); at < end; at += 1) {
        const rule = lists[at] as number;
        if (considered[rule] === epoch) continue;
        considered[rule] = epoch;
        if (this.#holds(rule, weight, long)) (matches ??= []).push(this.#explain(rule));
      }
    }
    const unwitnessed = this.#unwitnessed;
    for (let i = 0; i < unwitnessed.length; i += 1) {
      const rule = unwitnessed[i] as number;
      if (this.#holds(rule, weight, long)) (matches ??= []).push(this.#explain(rule));
    }
    if (this.#options.adaptive) this.#learn(board);
    return matches ?? NO_MATCHES;
  }

  /** `weight` is how many events a timing stands for; 0 takes none. */
  #holds(rule: number, weight: number, long: boolean): boolean {
    const { budget } = this.#options;
    const test = this.#tests[rule] as RuleTest;
    if (budget === undefined || (weight === 0 && !budget.suspendsAny)) return test(this.#facts);
    const { facts } = (this.#rules[rule] as GroupRule).rule;
    if (budget.isSuspended(facts.ruleId, long)) return false;
    if (weight === 0) return test(this.#facts);
    const start = budget.now();
    const holds = test(this.#facts);
    budget.charge(facts, budget.now() - start, weight, long);
    return holds;
  }

  #explain(number: number): RuleMatch {
    const { rule, node } = this.#rules[number] as GroupRule;
    return { rule: rule.facts, matched: explainMatch(node, this.#facts) };
  }

  #learn({ list, count }: SignalBoard): void {
    this.#total += 1;
    if (this.#total > FIRST_TRAINING && this.#total % LEARNED_EVERY !== 0) return;
    this.#counted += 1;
    const raised = this.#raised;
    for (let i = 0; i < count; i += 1) {
      const signal = list[i] as number;
      raised[signal] = (raised[signal] as number) + 1;
    }
    if (this.#counted >= FORGET_AT) {
      this.#counted >>= 1;
      for (let i = 0; i < raised.length; i += 1) raised[i] = (raised[i] as number) >> 1;
      this.#plan();
    } else if (TRAININGS.has(this.#total)) {
      this.#plan();
    }
  }

  /** Chooses each rule's witness and the order of its tests. */
  #plan(): void {
    const frequency: Frequency = (signal) => {
      const guess = Math.min(0.5, GUESS * (this.#uses[signal] as number)) * GUESS_WEIGHT;
      return Math.min(0.999, ((this.#raised[signal] as number) + guess) / (this.#counted + GUESS_WEIGHT));
    };
    const witnessed = new Map<number, number[]>();
    const unwitnessed: number[] = [];
    this.#tests = this.#rules.map(({ node }) => compileNode(node, frequency));
    for (const [rule, { node }] of this.#rules.entries()) {
      const witness = chooseWitness(node, frequency);
      if (witness === undefined) unwitnessed.push(rule);
      for (const signal of witness?.signals ?? []) {
        const rules = witnessed.get(signal);
        if (rules === undefined) witnessed.set(signal, [rule]);
        else rules.push(rule);
      }
    }
    this.#heads.fill(-1);
    const lists: number[] = [];
    for (const [signal, rules] of witnessed) {
      this.#heads[signal] = lists.length;
      lists.push(rules.length, ...rules);
    }
    this.#lists = Int32Array.from(lists);
    this.#unwitnessed = Int32Array.from(unwitnessed);
  }
}

/** How many tests of rules ask for each signal: what many rules ask for is common. */
function countUses(rules: readonly GroupRule[], signals: number): Float64Array {
  const uses = new Float64Array(signals);
  const visit = (node: RuleNode): void => {
    if (node.kind === 'not') visit(node.operand);
    else if (node.kind !== 'test') for (const operand of node.operands) visit(operand);
    else for (const signal of signalsOf(node.predicate)) uses[signal] = (uses[signal] as number) + 1;
  };
  for (const { node } of rules) visit(node);
  return uses;
}
