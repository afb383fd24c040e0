/** The part of docs/coverage.md about public rules: which of them can fire, and what the others lack. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CoveredSystem } from '../endpoint-agent/src/cli/coverage-sources.ts';
import { coverageBySystem, type JudgedRule, type SystemCoverage } from '../endpoint-agent/src/cli/rule-coverage.ts';
import { loadRules } from '../endpoint-agent/src/core/index.ts';
import { corpusSources, TESTDATA } from '../test/fakes/public-test-data.ts';

export const PUBLIC_RULES_HEADING = '## Public rules that can fire';

/** Share of a system's rules that are to be able to fire, in percent. */
const GOALS: Readonly<Record<CoveredSystem, number>> = { linux: 98, windows: 95, macos: 98 };

/** Why the part cannot be made here; undefined when it can. */
export const NO_PUBLIC_RULES = existsSync(join(TESTDATA, 'sigma-rules')) ? undefined : `no sigma-rules in ${TESTDATA}`;

/** The part as it should be; needs the public rules. */
export function publicRulesPart(): readonly string[] {
  const { rules } = loadRules(corpusSources());
  const systems = coverageBySystem(rules);
  return [
    PUBLIC_RULES_HEADING,
    '',
    `Of the rules of ${upstream()}, by \`npx yagura-agent rules coverage DIR --json\`. A rule can fire when the sensors declare every field that it needs, through alternatives and negations, and of fields with known values one that it accepts. For Linux' raw audit log there is an act for each rule besides (\`auditd-rules.test.ts\`).`,
    '',
    '| system | rules | can fire | share | goal | |',
    '| --- | --- | --- | --- | --- | --- |',
    ...systems.map(systemRow),
    ...systems.flatMap(blockerList),
    '',
  ];
}

/** Whence the rules come, as the test data's own page says. */
function upstream(): string {
  const page = join(TESTDATA, 'README.md');
  const text = existsSync(page) ? readFileSync(page, 'utf8') : '';
  const [named, commit] = /SigmaHQ\/sigma at ([0-9a-f]{7,40}) \([\d-]+\)/.exec(text) ?? [];
  if (named === undefined || commit === undefined) return 'SigmaHQ (of a commit that the test data does not name)';
  return named.replace(commit, `[${commit}](https://github.com/SigmaHQ/sigma/commit/${commit})`);
}

function systemRow({ system, built, total, canFire }: SystemCoverage): string {
  const share = ((100 * canFire) / total).toFixed(1);
  return `| ${system} | ${total} | ${canFire} | ${share} % | ${GOALS[system]} % | ${built ? 'built' : 'declared, not built'} |`;
}

/** Every rule for the system by name that cannot fire, by what it lacks. */
function blockerList({ system, rules }: SystemCoverage): readonly string[] {
  const lacking = new Map<string, string[]>();
  for (const rule of rules) {
    if (rule.canFire || rule.product !== system) continue;
    const blocker = blockerOf(rule);
    lacking.set(blocker, [...(lacking.get(blocker) ?? []), rule.title]);
  }
  if (lacking.size === 0) return [];
  const groups = [...lacking].toSorted(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  return [
    '',
    `On ${system} cannot fire:`,
    '',
    ...groups.map(([blocker, titles]) => `- ${blocker} (${titles.length}): ${titles.toSorted().join('; ')}`),
  ];
}

function blockerOf(rule: JudgedRule & { readonly canFire: false }): string {
  const { category, service } = rule;
  if (rule.blocker === 'field') return `not filled: ${rule.fields.map((field) => `\`${field}\``).join(', ')}`;
  const log = [category && `category \`${category}\``, service && `service \`${service}\``].filter(Boolean);
  return `no collector for ${log.length === 0 ? 'its log' : log.join(' of ')}`;
}
