import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from '@yagura/protocol';
import { expect, onTestFinished, test } from 'vitest';
import { createNormaliser, createSigmaEvaluator, createStoryTracker } from '../core/index.ts';
import { systemRandom } from '../platform/random.ts';
import type { Observation } from '../sensors/sensor.ts';
import { createSpool } from '../spool/create-spool.ts';
import { createProcessTable } from '../state/create-process-table.ts';
import { createPipeline } from './pipeline.ts';
import { createSettings } from './settings.ts';

const RULE = `
title: Anything With a Password
id: 6f0b2a4e-0c51-4c1b-9d52-3f1a7d9b8e21
logsource: { product: linux, category: process_creation }
detection:
  selection: { CommandLine|contains: himitsu }
  condition: selection
level: high
`;

/** A pipeline with real parts around fakes of the clock, the disk and the hand that contains. */
function stage(rule: string) {
  const clock = { now: () => 1_000_000, monotonic: () => 0, after: () => () => {} };
  let ids = 0;
  const newId = () => `id-${(ids += 1)}`;
  const processes = createProcessTable({ clock, bootId: 'b', readProc: { list: () => [], read: () => undefined } });
  const tracker = createStoryTracker({ clock, newId, processes, protectedEntityIds: () => new Set() });
  const kept: Event[] = [];
  const contained: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'yagura-pipeline-'));
  const spool = createSpool({ dir: folder, clock, random: systemRandom });
  onTestFinished(() => {
    spool[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  const pipeline = createPipeline({
    clock,
    processes,
    normaliser: createNormaliser({ newId, processes }),
    evaluator: createSigmaEvaluator([{ file: 'r.yml', text: rule }]),
    indicators: { evaluate: () => [], loaded: 0, rejected: [] },
    files: { read: () => {} },
    tracker,
    stories: { save: () => {}, load: () => [], retain: () => {}, failures: 0, [Symbol.dispose]: () => {} },
    settings: createSettings('observe', clock),
    telemetry: { add: (event) => void kept.push(event), flush: () => {}, shed: 0 },
    history: { add: (event) => void kept.push(event) },
    spool,
    contain: (story) => void contained.push(story.processes.map(({ commandLine }) => commandLine ?? '').join()),
  });
  const start = (pid: number, parentPid: number, image: string, commandLine: string): Observation => ({
    logsource: { product: 'linux', category: 'process_creation' },
    time: clock.now(),
    pid,
    parentPid,
    fields: { Image: image, CommandLine: commandLine, ProcessId: pid },
  });
  const sent = () => spool.next({ items: 100, bytes: 1e9 }, new Set()).map(({ body }) => body);
  return { pipeline, start, kept, contained, sent };
}

test('rules judge what ran; what is stored and sent holds no secret', () => {
  const { pipeline, start, kept, contained, ...rest } = stage(RULE);
  pipeline.sink([start(10, 1, '/bin/sh', 'sh deploy.sh --token naisho')]);
  pipeline.sink([start(11, 10, '/usr/bin/curl', 'curl -u taro:himitsu https://x.example')]);
  const sent = rest.sent();
  const stories = sent.filter((item) => item.type === 'story');
  expect(stories).toHaveLength(1);
  // The rule needed the secret to match; nothing that came out of it has it.
  expect(JSON.stringify([kept, sent])).not.toMatch(/himitsu|naisho/);
  expect(JSON.stringify(stories)).toContain('curl -u taro:*** https://x.example');
  expect(JSON.stringify(stories)).toContain('sh deploy.sh --token ***');
  expect(kept.map(({ fields }) => fields['CommandLine'])).toContain('curl -u taro:*** https://x.example');
  // Containment works with what really ran.
  expect(contained.join()).toContain('himitsu');
});

const RAW_RULE = `
title: An Act in the Raw Log
id: 6f0b2a4e-0c51-4c1b-9d52-3f1a7d9b8e22
logsource: { product: linux, service: auditd }
detection:
  exec: { type: EXECVE, a0: evil }
  user: { type: ADD_USER, acct: evil }
  condition: 1 of *
level: high
`;

test('raw records are judged with the event that they belong to, and are not stored', () => {
  const { pipeline, start, kept, sent } = stage(RAW_RULE);
  const records = (a0: string) => ({ service: 'auditd', fields: [{ type: 'SYSCALL' }, { type: 'EXECVE', a0 }] });
  pipeline.sink([{ ...start(10, 1, '/bin/sh', 'sh'), records: records('sh') }]);
  pipeline.sink([{ ...start(11, 10, '/bin/true', 'evil'), records: records('evil') }]);
  // Each start once for the history and once for what is sent.
  expect(kept.map(({ logsource }) => logsource.category)).toEqual(Array.from({ length: 4 }, () => 'process_creation'));
  const detections = sent().flatMap((item) => (item.type === 'story' ? item.story.detections : []));
  expect(detections.map(({ event, matched }) => [event.fields['ProcessId'], matched])).toEqual([
    [
      11,
      [
        { field: 'type', value: 'EXECVE' },
        { field: 'a0', value: 'evil' },
      ],
    ],
  ]);
});

test('a record without an event of its own is stored when a rule matches it, and forgotten otherwise', () => {
  const { pipeline, kept, sent } = stage(RAW_RULE);
  const message = (acct: string): Observation => ({
    logsource: { product: 'linux', service: 'auditd' },
    time: 1_000_000,
    fields: { type: 'ADD_USER', acct },
  });
  pipeline.sink([message('hanako')]);
  expect([kept, sent()]).toEqual([[], []]);
  pipeline.sink([message('evil')]);
  expect(kept.map(({ fields }) => fields['acct'])).toContain('evil');
  expect(sent().filter((item) => item.type === 'story')).toHaveLength(1);
});
