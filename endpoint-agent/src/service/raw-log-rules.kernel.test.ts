import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absent, corpusSources } from '../../../test/fakes/public-test-data.ts';
import { NO_KERNEL } from '../../../test/support/capture-probe.ts';
import { eventually } from '../../../test/support/wait.ts';
import { HISTORY_FILE } from '../state/history/history.ts';
import { openHistoryReader } from '../state/history/history-reader.ts';
import { openStoryStore } from '../state/story-store.ts';
import { AgentConfig } from './config.ts';
import { runService } from './run-service.ts';

const missing = absent('sigma-rules');
const PUBLIC =
  missing === ''
    ? corpusSources().find(({ file }) => file.endsWith('lnx_auditd_steghide_extract_steganography.yml'))
    : undefined;

/** Of our own making, in the form of the public ones. */
const OWN = (id: string, title: string, detection: string): string => `
title: ${title}
id: ${id}
logsource: { product: linux, service: auditd }
detection:
${detection}
  condition: selection
level: high
`;
const RULES = {
  'exec.yml': OWN(
    '7d1cf3a2-6a51-4d7e-9f1f-0c2b7a5f9e01',
    'A Password on a Command Line',
    "  selection: { type: EXECVE, a0: mount.yagura, a1: '--password', a2|startswith: himitsu }",
  ),
  'personality.yml': OWN(
    '7d1cf3a2-6a51-4d7e-9f1f-0c2b7a5f9e02',
    'Addresses No Longer Random',
    '  selection: { type: SYSCALL, SYSCALL: personality, a0: 40000 }',
  ),
  'file.yml': OWN(
    '7d1cf3a2-6a51-4d7e-9f1f-0c2b7a5f9e03',
    'A File by Its Other Name',
    '  selection: { type: PATH, nametype: CREATE, name: /var/run/yagura-raw-log.pid }',
  ),
};

const SILENT = { debug: () => {}, info: () => {}, warn: () => {} };

interface StoredDetection {
  readonly rule: { readonly title: string };
  readonly event: { readonly logsource: object; readonly fields: Readonly<Record<string, unknown>> };
  readonly matched: readonly { readonly field: string; readonly value: unknown }[];
}

/** The whole service with rules in a folder, as somebody would add them. */
describe.skipIf(NO_KERNEL)(
  `rules for the raw audit log in the running agent${NO_KERNEL ? ` (${NO_KERNEL})` : ''}`,
  () => {
    let folder = '';
    let found: readonly StoredDetection[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'yagura-raw-log-'));
      const stateDir = join(folder, 'state');
      const rules = join(folder, 'rules');
      mkdirSync(rules);
      for (const [name, text] of Object.entries(RULES)) writeFileSync(join(rules, name), text);
      if (PUBLIC) writeFileSync(join(rules, basename(PUBLIC.file)), PUBLIC.text);
      const config = AgentConfig.parse({ stateDir, ruleDirs: [rules], initialPolicy: 'observe' });
      const stop = new AbortController();
      const { promise: ready, resolve } = Promise.withResolvers<void>();
      const ended = runService({ config, log: SILENT, signal: stop.signal, onReady: () => resolve() });
      await Promise.race([ready, ended.then((result) => Promise.reject(new Error(JSON.stringify(result))))]);
      act();
      await eventually('everything has passed', () => hasPassed(join(stateDir, HISTORY_FILE)) || undefined, 40_000);
      stop.abort();
      await ended;
      found = detections(join(stateDir, 'stories.sqlite'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test('a program start is detected by its arguments; the story has the start, and not the secret', () => {
      const { event, matched } = detectionOf('A Password on a Command Line');
      expect(event.logsource).toEqual({ product: 'linux', category: 'process_creation' });
      expect(matched.map(({ field }) => field)).toContain('a2');
      expect(JSON.stringify(matched)).not.toContain('himitsu');
    });

    test('a system call that only this rule asks the kernel for is detected', () => {
      const { event } = detectionOf('Addresses No Longer Random');
      expect(event.logsource).toEqual({ product: 'linux', service: 'auditd' });
      expect(event.fields).toMatchObject({ SYSCALL: 'personality', a0: '40000' });
    });

    test('a file is detected by the other name of its directory', () => {
      const { event } = detectionOf('A File by Its Other Name');
      expect(event.fields).toMatchObject({ TargetFilename: '/run/yagura-raw-log.pid' });
    });

    test.skipIf(missing !== '')(`a public rule detects what it is about${missing}`, () => {
      const { matched } = detectionOf('Steganography Extract Files with Steghide');
      expect(matched).toContainEqual({ field: 'a3', value: 'holiday.jpg' });
    });

    function detectionOf(title: string): StoredDetection {
      const detection = found.find(({ rule }) => rule.title === title);
      if (!detection) throw new Error(`not detected: ${title}; only ${found.map(({ rule }) => rule.title).join()}`);
      return detection;
    }
  },
);

function act(): void {
  spawnSync('/bin/true', ['--password', 'himitsu-desu'], { argv0: 'mount.yagura' });
  spawnSync('/usr/bin/setarch', ['-R', '/bin/true']);
  spawnSync('/bin/true', ['extract', '-sf', 'holiday.jpg'], { argv0: 'steghide' });
  spawnSync('/bin/sh', ['-c', ': > /run/yagura-raw-log.pid; rm /run/yagura-raw-log.pid']);
  spawnSync('/bin/true', ['yagura-raw-log-end']);
}

/** The last of the acts is in the history, and of the files, which come another way, the one. */
function hasPassed(path: string): boolean {
  using history = openHistoryReader(path);
  const files = history.search({ path: '/run/yagura-raw-log.pid', limit: 10 });
  const starts = history.search({ process: 'true', limit: 1_000 });
  return files.length > 0 && starts.some(({ fields }) => fields['CommandLine'] === '/bin/true yagura-raw-log-end');
}

function detections(path: string): readonly StoredDetection[] {
  using store = openStoryStore(path, () => undefined).store;
  return store.load().flatMap((record) => (record as { story: { detections: StoredDetection[] } }).story.detections);
}
