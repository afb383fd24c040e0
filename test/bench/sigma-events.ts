import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { EvaluatedEvent } from '../../endpoint-agent/src/core/detection/sigma/event-view.ts';
import { readEvtx } from '../../endpoint-agent/src/core/normalise/evtx/read-evtx.ts';
import { normaliseWindowsEvent } from '../../endpoint-agent/src/core/normalise/windows-event.ts';
import { namesOf, OWN_RULES, type OwnRule } from '../fakes/own-rules.ts';
import { TESTDATA } from '../fakes/public-test-data.ts';
import { seededRandom } from '../fakes/sigma-generator.ts';

export type BenchEvent = Pick<EvaluatedEvent, 'logsource' | 'fields'>;
export type Halves = readonly [training: readonly BenchEvent[], heldOut: readonly BenchEvent[]];

export const SEED = 20_260_805;
/** What no two processes have in common. */
const UNIQUE = ['CommandLine', 'ParentCommandLine', 'ProcessGuid', 'ParentProcessGuid', 'LogonGuid', 'UtcTime'];
const random = seededRandom(SEED);
let unique = 0;

/** The Windows events recorded in the test data. */
export function recordedEvents(): readonly BenchEvent[] {
  const events: BenchEvent[] = [];
  for (const file of globSync('**/*.evtx', { cwd: TESTDATA }).sort()) {
    for (const record of readEvtx(readFileSync(join(TESTDATA, file)))) {
      const result = record.ok ? normaliseWindowsEvent(record.record) : record;
      if (result.ok) events.push({ logsource: result.event.logsource, fields: result.event.fields });
    }
  }
  return events;
}

/** Processes that run here now: the only real Linux events that need no recording. */
export function runningProcesses(): readonly BenchEvent[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  };
  return globSync('/proc/[0-9]*').flatMap((path) => {
    const commandLine = read(`${path}/cmdline`).replaceAll('\0', ' ').trim();
    if (commandLine === '') return [];
    const image = commandLine.split(' ', 1)[0] ?? '';
    const fields = { Image: image, CommandLine: commandLine, ParentImage: '/usr/bin/bash', User: 'root' };
    const logsource = { product: 'linux', category: 'process_creation' } as const;
    return [{ logsource, fields }];
  });
}

/** The events beside the agent's own rules, attacks and everyday work: written by hand, not recorded. */
export function fixtureEvents(platform: OwnRule['platform']): readonly BenchEvent[] {
  const names = new Set(namesOf(platform, '.fixtures.json'));
  return OWN_RULES.filter((rule) => rule.platform === platform && names.has(rule.name)).flatMap(({ name, text }) => {
    const { logsource } = parse(text) as { readonly logsource: BenchEvent['logsource'] };
    const file = new URL(`../../endpoint-agent/rules/${platform}/${name}.fixtures.json`, import.meta.url);
    const fixtures = Object.values(JSON.parse(readFileSync(file, 'utf8')) as Record<string, BenchEvent['fields'][]>);
    return fixtures.flat().map((fields) => ({ logsource, fields }));
  });
}

export function halves(events: readonly BenchEvent[]): Halves {
  const shuffled = [...events];
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    const j = random.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as BenchEvent, shuffled[i] as BenchEvent];
  }
  const half = shuffled.length >> 1;
  return [shuffled.slice(0, half), shuffled.slice(half)];
}

/** Copies in memory of their own whose command lines and ids nobody has seen before. */
export function freshCopies(events: readonly BenchEvent[], copies: number): readonly BenchEvent[] {
  const text = JSON.stringify(events);
  return Array.from(
    { length: copies },
    () => JSON.parse(text) as { logsource: BenchEvent['logsource']; fields: Record<string, unknown> }[],
  )
    .flat()
    .map(({ logsource, fields }) => {
      for (const name of UNIQUE) {
        if (typeof fields[name] === 'string') fields[name] = `${fields[name]} ${((unique += 1)).toString(36)}`;
      }
      return { logsource, fields };
    });
}
