/**
 * Writes docs/coverage.md from what the sensors declare. `--check` only says whether the page is current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DECLARATIONS } from '../endpoint-agent/src/sensors/linux/declarations.ts';
import { LOG_DECLARATION } from '../endpoint-agent/src/sensors/linux/logs/declaration.ts';
import { PERSISTENCE_DECLARATION } from '../endpoint-agent/src/sensors/linux/persistence/persistence-declaration.ts';
import type { SensorDeclaration } from '../endpoint-agent/src/sensors/sensor.ts';
import { ROOT } from './run-command.ts';

const PAGE = join(ROOT, 'docs', 'coverage.md');

/** Where real programs prove what a sensor declares. */
const PROOFS: Readonly<Record<string, string>> = {
  'linux-audit': 'sensors/linux/audit/*.kernel.test.ts',
  'linux-processes': 'sensors/linux/audit/audit-capture.kernel.test.ts',
  'linux-files': 'sensors/linux/fanotify/file-capture.kernel.test.ts',
  'linux-network': 'sensors/linux/network/network-source.kernel.test.ts',
  'linux-logs': 'sensors/linux/logs/**/*.test.ts',
  'linux-persistence': 'sensors/linux/persistence/persistence.kernel.test.ts',
};

const NOT_SEEN = [
  'Reads of files other than the watched credential files; attribute changes of files.',
  'Content of network traffic; DNS queries over TLS or HTTPS.',
  'Writes through memory mappings until the file is closed; files on filesystems without fanotify (they are listed by `doctor` as not marked).',
  'Processes of other kernels (virtual machines). Containers are seen, since they share the kernel.',
  'Without root: processes that live shorter than the polling interval, all connections, all files but the persistence places.',
  'Windows and macOS: nothing yet. Their rows in `rules coverage` say "declared, not built".',
] as const;

function row(sensor: string, event: string, fields: readonly string[]): string {
  const names = fields.toSorted().map((field) => `\`${field}\``);
  return `| ${sensor} | ${event} | ${names.join(' ')} | \`${PROOFS[sensor] ?? 'none'}\` |`;
}

/** The page as it should be. */
export function coveragePage(): string {
  const sensors: readonly SensorDeclaration[] = [
    ...Object.values(DECLARATIONS),
    LOG_DECLARATION,
    PERSISTENCE_DECLARATION,
  ];
  const rows = sensors.flatMap(({ name, provides, services }) => [
    ...provides.map(({ category, fields }) => row(name, category, fields)),
    ...(services ?? []).map(({ service, fields }) => row(name, `log: ${service}`, fields)),
  ]);
  return [
    '# What the sensors see',
    '',
    "Made by `node scripts/generate-coverage.ts` from the sensors' own declarations. Proven on Linux 6.18, x86-64, ext4 and tmpfs, as root; the tests lie in `endpoint-agent/src`. A field is filled where the kernel tells it. Whether a public Sigma rule can fire follows from this table: `npx yagura-agent rules coverage DIR --json`.",
    '',
    '| sensor | event | fields | proven by |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '## What is not seen',
    ...NOT_SEEN.map((line) => `- ${line}`),
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes('--check')) writeFileSync(PAGE, coveragePage());
  else if (readFileSync(PAGE, 'utf8') !== coveragePage()) {
    process.stderr.write('docs/coverage.md is stale: run node scripts/generate-coverage.ts\n');
    process.exitCode = 1;
  }
}
