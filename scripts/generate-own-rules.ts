/** Writes docs/own-rules.md from the rules themselves. `--check` only says whether the page is current. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSigmaEvaluator } from '../endpoint-agent/src/core/index.ts';
import { fixturesOf, OWN_RULES, type OwnRule } from '../test/fakes/own-rules.ts';
import { ROOT } from './run-command.ts';

export const OWN_RULES_PAGE = join(ROOT, 'docs', 'own-rules.md');

const SYSTEMS = [
  ['linux', 'Linux', ''],
  [
    'windows',
    'Windows',
    ' The sensors are declared, not built: the rules were tried on events written by hand, and more than half of them also find recorded attacks.',
  ],
  ['macos', 'macOS', ' The sensors are declared, not built: the rules were tried on events written by hand.'],
] as const;

const INTRODUCTION = `# The agent's own rules

Made by \`node scripts/generate-own-rules.ts\` from \`endpoint-agent/rules\`. An agent loads the folder of its own system and no other; [rule packs](rule-packs.md) add more. "Alone" marks rules that are certain enough to stop a process by themselves ([containment.md](containment.md)); all others add to the score of a story.

Each rule lies beside its fixtures: events of the attack (\`match\`), the attack in disguise (\`evasion\`) and everyday events that look alike (\`benign\`, at least three). What tests demand of all of them:

| demand | test (below \`endpoint-agent/src/\`) |
| --- | --- |
| finds its attacks and disguises, leaves its lookalikes alone; no lookalike is stopped by another rule | \`core/detection/rule-pack.test.ts\` |
| still finds them with other case, spaces, tabs and quotes, and with a lookalike mentioned in a comment | \`core/detection/disguise.test.ts\` |
| is silent on a day's work: updates, backup, printers, accounting software, remote support, device management | \`core/detection/everyday-work.test.ts\` |
| on the recorded Windows attacks of the public test data finds what was looked at by hand, and nothing else | \`core/detection/recorded-attacks.test.ts\` |
| can fire with the fields that the system's sensors declare, and was tried with no others | \`cli/own-pack.test.ts\` |

Not there: correlations over several events (guessed passwords, many files), loaded libraries, and Kerberos tickets with old encryption, which old servers and NAS ask for every day.`;

/** The page as the rules have it now. */
export function ownRulesPage(): string {
  const { rules } = createSigmaEvaluator(OWN_RULES);
  const facts = new Map(rules.map((rule) => [rule.place.file, rule.facts]));
  const row = (rule: OwnRule): string => {
    const of = facts.get(rule.file);
    if (of === undefined) throw new Error(`${rule.file} was not loaded`);
    const alone = of.confidence === 'high' && (of.severity === 'high' || of.severity === 'critical') ? 'alone' : '';
    const techniques = of.techniques.map((id) => id.toUpperCase()).join(' ');
    const link = `[${of.title}](../endpoint-agent/rules/${rule.file})`;
    const lookalikes = lookalikesOf(rule).join('; ');
    return `| ${link} | ${of.localTitle?.ja ?? ''} | ${of.severity} | ${alone} | ${techniques} | ${lookalikes} |`;
  };
  const parts = SYSTEMS.flatMap(([platform, name, note]) => {
    const own = OWN_RULES.filter((rule) => rule.platform === platform);
    const events = own
      .map(fixturesOf)
      .map(({ match, evasion = [], benign }) => [match.length + evasion.length, benign.length]);
    const [attacks, lookalikes] = [0, 1].map((of) => events.reduce((sum, counts) => sum + (counts[of] ?? 0), 0));
    return [
      '',
      `## ${name}`,
      '',
      `${own.length} rules, tried with ${attacks} events of attacks and ${lookalikes} lookalikes.${note}`,
      '',
      '| rule | 表示名 | level | | ATT&CK | known lookalikes that may match |',
      '| --- | --- | --- | --- | --- | --- |',
      ...own.map(row),
    ];
  });
  return `${[INTRODUCTION, ...parts].join('\n')}\n`;
}

/** The `falsepositives` of a rule, which the engine has no use for. */
function lookalikesOf({ text }: OwnRule): readonly string[] {
  const section = /\nfalsepositives:\n((?: {2}- .*\n)+)/.exec(text)?.[1] ?? '';
  return section
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .slice('  - '.length)
        .replace(/^"(.*)"$/, '$1')
        .replaceAll('|', '\\|'),
    );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = ownRulesPage();
  if (!process.argv.includes('--check')) writeFileSync(OWN_RULES_PAGE, page);
  else if (!existsSync(OWN_RULES_PAGE) || readFileSync(OWN_RULES_PAGE, 'utf8') !== page) {
    process.stderr.write('docs/own-rules.md is not current: run node scripts/generate-own-rules.ts\n');
    process.exitCode = 1;
  }
}
