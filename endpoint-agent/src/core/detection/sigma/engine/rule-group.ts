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
  internExpression,
  type RuleNode,
  type RuleTest,
  signalsOf,
} from './rule-program.ts';
import { SignalBoard } from './signal-board.ts';
import { SignalIndex } from './signal-index.ts';

/** After these many events the choice of witnesses is renewed from what was seen. */
const TRAININGS: ReadonlySet<number> = new Set([1_000, 20_000, 500_000]);
/** Counts are halved here, so that they stay small and follow what changes. */
const FORGET_AT = 1_000_000;
/** Share of events that a signal is expected in before any was seen, times the tests that ask for it. */
const GUESS = 0.0005;
/** How many events' worth of experience the guess counts for. */
const GUESS_WEIGHT = 50;
/** Every so many events the evaluation of each rule is timed, and whenever a value is long. */
const TIMED_EVERY = 16;

interface GroupRule {
  readonly rule: SigmaRule;
  readonly node: RuleNode;
  test: RuleTest;
  /** Number of the event for which the rule was last considered. */
  consideredAt: number;
}

export interface RuleGroupOptions {
  /** `false` keeps the first choice of witnesses, made without knowledge of events. */
  readonly adaptive: boolean;
  readonly budget: RuleBudget | undefined;
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
  #witnessed: readonly (readonly GroupRule[] | undefined)[] = [];
  #unwitnessed: readonly GroupRule[] = [];

  constructor(rules: readonly SigmaRule[], options: RuleGroupOptions) {
    this.#options = options;
    const fields = new FieldTable();
    const table = new PredicateTable(fields);
    this.#rules = rules.map((rule) => ({
      rule,
      node: internExpression(rule.expression, table, fields),
      test: () => false,
      consideredAt: 0,
    }));
    this.#index = new SignalIndex(table, fields.names.length);
    this.#facts = {
      view: new EventView(fields),
      board: new SignalBoard(table.signalCount),
      testedAt: new Int32Array(table.size),
      result: new Uint8Array(table.size),
    };
    this.#raised = new Int32Array(table.signalCount);
    this.#uses = countUses(this.#rules, table.signalCount);
    this.#plan();
  }

  evaluate(fields: Readonly<Record<string, unknown>>): readonly RuleMatch[] {
    const { board, view, testedAt } = this.#facts;
    if (board.begin()) {
      testedAt.fill(0);
      for (const rule of this.#rules) rule.consideredAt = 0;
    }
    view.load(fields);
    const long = this.#index.raise(view, board);
    const weight =
      this.#options.budget === undefined ? 0 : long ? 1 : board.epoch % TIMED_EVERY === 0 ? TIMED_EVERY : 0;
    const matches: RuleMatch[] = [];
    for (let i = 0; i < board.count; i += 1) {
      const candidates = this.#witnessed[board.list[i] as number];
      if (candidates === undefined) continue;
      for (const candidate of candidates) {
        if (candidate.consideredAt === board.epoch) continue;
        candidate.consideredAt = board.epoch;
        this.#consider(candidate, weight, matches);
      }
    }
    for (const candidate of this.#unwitnessed) this.#consider(candidate, weight, matches);
    if (this.#options.adaptive) this.#learn(board);
    return matches;
  }

  /** `weight` is how many events a timing stands for; 0 takes none. */
  #consider({ rule, node, test }: GroupRule, weight: number, matches: RuleMatch[]): void {
    const { budget } = this.#options;
    if (budget === undefined || weight === 0) {
      if (budget?.isSuspended(rule.facts.ruleId) !== true && test(this.#facts)) {
        matches.push({ rule: rule.facts, matched: explainMatch(node, this.#facts) });
      }
      return;
    }
    if (budget.isSuspended(rule.facts.ruleId)) return;
    const start = budget.now();
    const matched = test(this.#facts);
    budget.charge(rule.facts, (budget.now() - start) * weight);
    if (matched) matches.push({ rule: rule.facts, matched: explainMatch(node, this.#facts) });
  }

  #learn({ list, count }: SignalBoard): void {
    this.#counted += 1;
    this.#total += 1;
    for (let i = 0; i < count; i += 1) {
      const signal = list[i] as number;
      this.#raised[signal] = (this.#raised[signal] as number) + 1;
    }
    if (this.#counted >= FORGET_AT) {
      this.#counted >>= 1;
      for (let i = 0; i < this.#raised.length; i += 1) this.#raised[i] = (this.#raised[i] as number) >> 1;
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
    const witnessed: (GroupRule[] | undefined)[] = [];
    const unwitnessed: GroupRule[] = [];
    for (const rule of this.#rules) {
      rule.test = compileNode(rule.node, frequency);
      const witness = chooseWitness(rule.node, frequency);
      if (witness === undefined) unwitnessed.push(rule);
      for (const signal of witness?.signals ?? []) (witnessed[signal] ??= []).push(rule);
    }
    this.#witnessed = witnessed;
    this.#unwitnessed = unwitnessed;
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
