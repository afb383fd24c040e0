import { createSigmaEvaluator } from '../../endpoint-agent/src/core/detection/sigma/create-sigma-evaluator.ts';
import type { Placeholders } from '../../endpoint-agent/src/core/detection/sigma/placeholders.ts';

/** A rule file around a detection section, which is written as it would stand in YAML, unindented. */
export function ruleText(
  detection: string,
  head = '',
  logsource: Readonly<Record<string, string>> = { product: 'windows', category: 'process_creation' },
): string {
  return [
    'title: Rule under test',
    'id: rule-under-test',
    ...(head === '' ? [] : [head]),
    'logsource:',
    ...Object.entries(logsource).map(([name, value]) => `    ${name}: ${value}`),
    'detection:',
    ...detection
      .replace(/^\n|\n\s*$/g, '')
      .split('\n')
      .map((line) => `    ${line}`),
  ].join('\n');
}

/** Whether the rule with this detection matches an event with these fields. Throws when it is rejected. */
export function detects(detection: string, fields: Record<string, unknown>, placeholders?: Placeholders): boolean {
  const evaluator = createSigmaEvaluator(
    [{ file: 'rule.yml', text: ruleText(detection) }],
    placeholders === undefined ? {} : { placeholders },
  );
  const [rejection] = evaluator.rejected;
  if (rejection !== undefined) throw new Error(`${rejection.code}: ${rejection.message}`);
  return evaluator.evaluate({ logsource: { product: 'windows', category: 'process_creation' }, fields }).length > 0;
}

/** Code and line of the rejection of a rule file, or undefined if it loads. */
export function rejectionOf(text: string): { readonly code: string; readonly line: number } | undefined {
  const [rejection] = createSigmaEvaluator([{ file: 'rule.yml', text }]).rejected;
  return rejection === undefined ? undefined : { code: rejection.code, line: rejection.line };
}
