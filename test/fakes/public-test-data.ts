import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { normaliseWindowsEvent, type WindowsEvent } from '../../endpoint-agent/src/core/normalise/windows-event.ts';

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Folder of the public test data: `YAGURA_TESTDATA`, by default `../shared/testdata` beside the project. */
export const TESTDATA = resolve(PROJECT, process.env['YAGURA_TESTDATA'] ?? '../shared/testdata');

/** Why tests on a part of the data are skipped; empty when it is there. Meant for a test's name. */
export function absent(part: string): string {
  return existsSync(join(TESTDATA, part)) ? '' : ` (skipped: no ${part} in ${TESTDATA})`;
}

/** Every rule file of the public corpus, named by its path within it. */
export function corpusSources(): readonly { readonly file: string; readonly text: string }[] {
  const root = join(TESTDATA, 'sigma-rules');
  return globSync('**/*.{yml,yaml}', { cwd: root })
    .sort()
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
}

export interface RegressionCase {
  readonly name: string;
  readonly ruleIds: readonly string[];
  readonly events: readonly WindowsEvent[];
}

/** The regression cases that come with a `.json` of their events. */
export function regressionCases(): readonly RegressionCase[] {
  const root = join(TESTDATA, 'sigma-regression');
  return globSync('**/info.yml', { cwd: root })
    .sort()
    .flatMap((info) => {
      const folder = join(root, dirname(info));
      const logs = globSync('*.json', { cwd: folder });
      if (logs.length === 0) return [];
      const metadata = readFileSync(join(root, info), 'utf8').split('rule_metadata:')[1] ?? '';
      const ruleIds = [...metadata.matchAll(/^\s+- id: (\S+)/gm)].map((match) => match[1] as string);
      const events = logs.flatMap((log) => readWindowsEvents(readFileSync(join(folder, log), 'utf8')));
      return [{ name: dirname(info), ruleIds, events }];
    });
}

/** Reads a file of JSON objects, one after another, of Windows events. */
export function readWindowsEvents(text: string): readonly WindowsEvent[] {
  return text
    .split(/(?<=^\})\s*(?=^\{)/m)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const result = normaliseWindowsEvent(JSON.parse(part));
      if (!result.ok) throw new Error(`${result.code}: ${part.slice(0, 200)}`);
      return result.event;
    });
}
