import type { RuleRejection } from '../evaluator.ts';
import { parseCorrelation } from './correlation/parse-correlation.ts';
import { parseCondition } from './parse-condition.ts';
import { combine, parseSelections, type Selections } from './parse-detection.ts';
import type { Placeholders } from './placeholders.ts';
import { Problem } from './rejections.ts';
import type { Expression, RuleLogSource, SigmaDocument, SigmaFilter } from './rule-ast.ts';
import { parseRuleFacts, stringAttribute } from './rule-facts.ts';
import { entryOf, readYaml, stringList, type YamlEntry, type YamlMap } from './yaml-reader.ts';

/** Text of a rule file; `file` is only a name, for messages and links. */
export interface RuleSource {
  readonly file: string;
  readonly text: string;
}

export interface ParsedSource {
  readonly documents: readonly SigmaDocument[];
  readonly rejected: readonly RuleRejection[];
}

/** Attributes of `logsource` that do not select events. */
const LOGSOURCE_KEYS = ['product', 'category', 'service'] as const;
/** `timeframe` belonged to aggregations, which are gone; alone it has no meaning. */
const DETECTION_KEYS = ['condition', 'timeframe'];

/** Reads every document of a file. A document that is no valid rule is rejected by itself; never throws. */
export function parseRules(source: RuleSource, placeholders: Placeholders = new Map()): ParsedSource {
  const parsed: SigmaDocument[] = [];
  const rejected: RuleRejection[] = [];
  const documents = readYaml(source.text);
  if (documents.length === 0) {
    rejected.push({ file: source.file, line: 1, code: 'missing_attribute', message: 'the file holds no document' });
  }
  for (const document of documents) {
    const problem = new Problem();
    problem.found = document.problem;
    const rule =
      document.root === undefined
        ? undefined
        : document.root.kind === 'map'
          ? parseDocument(document.root, source.file, placeholders, problem)
          : problem.reject(document.line, 'wrong_type', 'a rule must be a map');
    if (rule !== undefined && problem.found === undefined) parsed.push(rule);
    else if (problem.found !== undefined) rejected.push({ file: source.file, ...problem.found });
  }
  return { documents: parsed, rejected };
}

function parseDocument(
  root: YamlMap,
  file: string,
  placeholders: Placeholders,
  problem: Problem,
): SigmaDocument | undefined {
  const action = entryOf(root, 'action');
  if (action !== undefined) {
    return problem.reject(action.line, 'unsupported_document', '`action` documents are no part of Sigma 2');
  }
  const taxonomy = stringAttribute(root, 'taxonomy', problem);
  if (taxonomy !== undefined && taxonomy !== 'sigma') {
    return problem.reject(root.line, 'rule_unsupported', `unknown taxonomy \`${taxonomy}\``);
  }
  if (entryOf(root, 'correlation') !== undefined) return parseCorrelation(root, file, problem);
  if (entryOf(root, 'filter') !== undefined) return parseFilter(root, file, placeholders, problem);
  const facts = parseRuleFacts(root, file, problem);
  const name = stringAttribute(root, 'name', problem);
  const logsource = parseLogSource(root, problem);
  if (facts === undefined || logsource === undefined) return undefined;
  const detection = entryOf(root, 'detection');
  if (detection === undefined) return problem.reject(root.line, 'missing_attribute', 'a rule needs a `detection`');
  if (detection.value.kind !== 'map') {
    return problem.reject(detection.line, 'wrong_type', '`detection` must be a map');
  }
  const selections = parseSelections(detection.value, DETECTION_KEYS, placeholders, problem);
  if (selections === undefined) return undefined;
  const condition = entryOf(detection.value, 'condition');
  if (condition === undefined) {
    return problem.reject(detection.line, 'missing_attribute', 'a detection needs a `condition`');
  }
  const expression = parseConditions(condition, selections, problem);
  if (expression === undefined) return undefined;
  const place = { file, line: root.line };
  return { kind: 'rule', place, facts, ...(name === undefined ? {} : { name }), logsource, expression };
}

/** A condition, or a list of conditions of which one suffices. */
function parseConditions(entry: YamlEntry, selections: Selections, problem: Problem): Expression | undefined {
  const { value } = entry;
  const items = value.kind === 'list' ? value.items : [value];
  if (items.length === 0) return problem.reject(entry.line, 'empty_value', '`condition` is an empty list');
  const alternatives: Expression[] = [];
  for (const item of items) {
    if (item.kind !== 'scalar' || typeof item.value !== 'string') {
      return problem.reject(item.line, 'wrong_type', '`condition` must be a string or a list of strings');
    }
    const expression = parseCondition(item.value, selections, item.line, problem);
    if (expression === undefined) return undefined;
    alternatives.push(expression);
  }
  return combine('or', alternatives);
}

function parseLogSource(root: YamlMap, problem: Problem): RuleLogSource | undefined {
  const entry = entryOf(root, 'logsource');
  if (entry === undefined) return problem.reject(root.line, 'missing_attribute', 'a rule needs a `logsource`');
  if (entry.value.kind !== 'map') return problem.reject(entry.line, 'wrong_type', '`logsource` must be a map');
  const logsource: { product?: string; category?: string; service?: string } = {};
  for (const key of LOGSOURCE_KEYS) {
    const value = stringAttribute(entry.value, key, problem);
    if (value !== undefined) logsource[key] = value.trim().toLowerCase();
  }
  if (Object.keys(logsource).length === 0) {
    return problem.reject(entry.line, 'missing_attribute', '`logsource` names no product, category or service');
  }
  return problem.found === undefined ? logsource : undefined;
}

/** Other keys of a filter's section. */
const FILTER_KEYS = ['rules', 'condition'];

/**
 * A filter document. Its purpose is to suppress matches: a condition that is a negation (`not selection`, as
 * written for pySigma) must hold along with the rule's; any other (`selection`, as in the specification's example)
 * says what is suppressed.
 */
function parseFilter(
  root: YamlMap,
  file: string,
  placeholders: Placeholders,
  problem: Problem,
): SigmaFilter | undefined {
  const title = stringAttribute(root, 'title', problem);
  if (title === undefined) return problem.reject(root.line, 'missing_attribute', 'a filter needs a `title`');
  const logsource = parseLogSource(root, problem);
  const section = entryOf(root, 'filter');
  if (logsource === undefined || section === undefined) return undefined;
  if (section.value.kind !== 'map') return problem.reject(section.line, 'wrong_type', '`filter` must be a map');
  const rules = parseFilterRules(section.value, section.line, problem);
  const selections = parseSelections(section.value, FILTER_KEYS, placeholders, problem);
  const condition = entryOf(section.value, 'condition');
  if (rules === undefined || selections === undefined) return undefined;
  if (condition === undefined) {
    return problem.reject(section.line, 'missing_attribute', 'a filter needs a `condition`');
  }
  const written = parseConditions(condition, selections, problem);
  if (written === undefined) return undefined;
  const place = { file, line: root.line };
  const keeps: Expression = isNegation(written) ? written : { kind: 'not', operand: written };
  return { kind: 'filter', place, title, logsource, rules, condition: keeps };
}

function isNegation(expression: Expression): boolean {
  if (expression.kind === 'and') return expression.operands.every((operand) => operand.kind === 'not');
  return expression.kind === 'not';
}

function parseFilterRules(section: YamlMap, line: number, problem: Problem): readonly string[] | 'any' | undefined {
  const entry = entryOf(section, 'rules');
  if (entry === undefined) return problem.reject(line, 'missing_attribute', 'a filter needs `rules`');
  if (entry.value.kind === 'scalar') {
    const written = entry.value.source;
    return written === 'any' || written === 'all' ? 'any' : [written];
  }
  const names = stringList(entry.value);
  return names ?? problem.reject(entry.line, 'wrong_type', '`rules` must be a list of ids or names');
}
