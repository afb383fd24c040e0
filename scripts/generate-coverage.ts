/**
 * Writes docs/coverage.md from what the sensors declare and the tests that prove it. `--check` only says whether
 * the page is current.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DECLARATIONS } from '../endpoint-agent/src/sensors/linux/declarations.ts';
import { LOG_DECLARATION } from '../endpoint-agent/src/sensors/linux/logs/declaration.ts';
import { PERSISTENCE_DECLARATION } from '../endpoint-agent/src/sensors/linux/persistence/persistence-declaration.ts';
import type { SensorDeclaration } from '../endpoint-agent/src/sensors/sensor.ts';
import { NOT_SEEN, PROVEN, type ProvenEvent } from './coverage-proofs.ts';
import { NO_PUBLIC_RULES, PUBLIC_RULES_HEADING, publicRulesPart } from './public-rules.ts';
import { ROOT } from './run-command.ts';

export const PAGE = join(ROOT, 'docs', 'coverage.md');
const NOT_SEEN_HEADING = '## What is not seen';

interface DeclaredEvent {
  readonly sensor: string;
  readonly event: string;
  readonly fields: readonly string[];
}

/** Every event that a built sensor declares; several declarations of one event are one. */
export function declaredEvents(): readonly DeclaredEvent[] {
  const sensors: readonly SensorDeclaration[] = [
    ...Object.values(DECLARATIONS),
    LOG_DECLARATION,
    PERSISTENCE_DECLARATION,
  ];
  const events = new Map<string, DeclaredEvent>();
  for (const { name, provides, services } of sensors) {
    const named = [
      ...provides.map(({ category, fields }) => ({ event: category as string, fields })),
      ...(services ?? []).map(({ service, fields, values }) => ({ event: labelOf(service, values?.['type']), fields })),
    ];
    for (const { event, fields } of named) {
      const key = `${name} ${event}`;
      const before = events.get(key)?.fields ?? [];
      events.set(key, { sensor: name, event, fields: [...new Set([...before, ...fields])].toSorted() });
    }
  }
  return [...events.values()];
}

/** Raw records are told apart by their type. */
function labelOf(service: string, types: readonly string[] = []): string {
  const [first] = types;
  if (first === undefined) return service;
  return types.length === 1 ? `${service} ${first}` : `${service} ${first} and ${types.length - 1} more`;
}

/** What proves a declared event; its own row goes before that of all of its sensor's events. */
export function proofOf({ sensor, event }: Pick<DeclaredEvent, 'sensor' | 'event'>): ProvenEvent | undefined {
  const ofSensor = PROVEN.filter((proven) => proven.sensor === sensor);
  return ofSensor.find((proven) => proven.event === event) ?? ofSensor.find((proven) => proven.event === '*');
}

function row(declared: DeclaredEvent): string {
  const fields = shortened(declared.fields)
    .map((field) => `\`${field}\``)
    .join(' ');
  const proven = proofOf(declared);
  const files = [...new Set(proven?.proofs.map(({ file }) => basename(file)))].map((file) => `\`${file}\``);
  const by = proven ? `${proven.how}: ${files.join(', ')}` : '**nothing**';
  return `| ${declared.sensor} | ${declared.event} | ${fields} | ${by} | ${proven?.on ?? ''} |`;
}

/** `a0` to `a63` are one. */
function shortened(fields: readonly string[]): readonly string[] {
  const numbered = fields.filter((field) => /^a\d+$/.test(field));
  if (numbered.length < 8) return fields;
  return [...fields.filter((field) => !numbered.includes(field)), `a0 ... a${numbered.length - 1}`];
}

function proofList(): string[] {
  return PROVEN.flatMap(({ sensor, event, proofs }) => [
    '',
    `### ${sensor}: ${event === '*' ? 'all other events' : event}`,
    '',
    ...proofs.map(({ file, title }) => `- ${title} (\`${file.replace('endpoint-agent/src/sensors/linux/', '')}\`)`),
  ]);
}

/** The part about public rules as the page has it now. */
export function writtenPublicRules(page: string): readonly string[] {
  const from = page.indexOf(`\n${PUBLIC_RULES_HEADING}\n`);
  const to = page.indexOf(`\n${NOT_SEEN_HEADING}\n`);
  return from === -1 || to < from ? [] : page.slice(from + 1, to).split('\n');
}

/** The page as it should be, with its part about public rules: made anew, or the one that stands there. */
export function coveragePage(publicRules: readonly string[]): string {
  return [
    '# What the sensors see',
    '',
    "Made by `node scripts/generate-coverage.ts` from the sensors' own declarations and the tests that prove them; as root. A field is filled where the kernel tells it, and absent otherwise. Events without a category of Sigma's are named by their service. Whether a public Sigma rule can fire follows from this table.",
    '',
    '| sensor | event | fields | proven by | on |',
    '| --- | --- | --- | --- | --- |',
    ...declaredEvents().map(row),
    '',
    ...publicRules,
    NOT_SEEN_HEADING,
    '',
    ...NOT_SEEN.map((line) => `- ${line}`),
    '- Windows and macOS: nothing yet. Their rows in `rules coverage` say "declared, not built".',
    '',
    'Each sensor proves itself about every 26 seconds: the agent starts a program, names a peer to a datagram socket and writes a file, and is told `blind` in the console within a minute when one of them does not come back.',
    '',
    '## The tests, by event',
    '',
    'Paths are those below `endpoint-agent/src/sensors/linux`. In a title `%s` stands for each of the cases.',
    ...proofList(),
    '',
  ].join('\n');
}

/** `sigma-rules` may be absent: then their part stays as it is, and nobody can say whether it is current. */
function main(): void {
  const written = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
  const page = coveragePage(NO_PUBLIC_RULES === undefined ? publicRulesPart() : writtenPublicRules(written));
  if (NO_PUBLIC_RULES !== undefined) {
    process.stderr.write(`docs/coverage.md: its part about public rules was not looked at: ${NO_PUBLIC_RULES}\n`);
  }
  if (!process.argv.includes('--check')) writeFileSync(PAGE, page);
  else if (written !== page) {
    process.stderr.write('docs/coverage.md is stale: run node scripts/generate-coverage.ts\n');
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
