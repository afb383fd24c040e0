import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Event } from '@yagura/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../platform/clock.ts';
import { HISTORY_FILE, openHistory } from '../state/history/history.ts';
import { oneLine } from './one-line.ts';
import { parsePointInTime } from './point-in-time.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const HOUR = 3_600_000;
const NOW = Date.now();
let folder = '';

const event = (time: number, fields: Event['fields'], more: Partial<Event> = {}): Event => ({
  eventId: `e${time}`,
  logsource: { product: 'linux', category: 'process_creation' },
  time,
  fields,
  ...more,
});

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-history-cli-'));
  using history = openHistory({
    path: join(folder, HISTORY_FILE),
    clock: systemClock,
    processes: { get: () => undefined },
    limits: { freeBytes: 0 },
    log: () => {},
  });
  const process = { User: 'root', ProcessId: 77 };
  history.add(event(NOW - 3 * HOUR, { ...process, Image: '/usr/bin/old', CommandLine: 'old' }, { entityId: 'p-old' }));
  history.add(event(NOW - HOUR, { ...process, Image: '/bin/sh', CommandLine: 'sh -c x' }, { entityId: 'p-sh' }));
  history.add(
    event(
      NOW - HOUR + 1,
      { ...process, Image: '/usr/bin/curl', CommandLine: 'curl \u001b[31m\u202ex' },
      { entityId: 'p-curl', parentEntityId: 'p-sh' },
    ),
  );
  history.add(
    event(
      NOW - HOUR + 2,
      { DestinationIp: '203.0.113.9', Image: '/usr/bin/curl' },
      { entityId: 'p-curl', logsource: { product: 'linux', category: 'network_connection' } },
    ),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...argv: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', MAIN, 'history', '--state-dir', folder, ...argv],
    {
      encoding: 'utf8',
    },
  );
  return { status, lines: stdout.split('\n').filter((line) => line !== ''), stderr };
};

describe('yagura-agent history', () => {
  test('prints what happened in the order of time, as lines for people and as JSON', () => {
    const all = run();
    expect(all).toMatchObject({ status: 0, stderr: '' });
    expect(all.lines).toHaveLength(4);
    expect(all.lines[0]).toContain('process_creation    p-old  root /usr/bin/old 77  old');
    const json = run('--json', '--since', '2h').lines.map((line) => JSON.parse(line) as Event);
    expect(json.map(({ entityId }) => entityId)).toEqual(['p-sh', 'p-curl', 'p-curl']);
    expect(run('--ip', '203.0.113.9').lines).toHaveLength(1);
    expect(run('--process', 'curl', '--category', 'process_creation').lines).toHaveLength(1);
    expect(run('--entity', 'p-sh').lines).toHaveLength(2);
    const limited = run('--limit', '2');
    expect([limited.lines.length, limited.stderr]).toEqual([2, expect.stringContaining('(limited)')]);
  });

  test('what processes were called with cannot steer the terminal', () => {
    const text = run('--process', 'curl').lines.join('\n');
    expect(text).toContain('curl \\u001b[31m\\u202ex');
    expect(oneLine('a\nb\tc')).toBe('a\\nb\\u0009c');
  });

  test('shows the tree of processes that are gone', () => {
    const { status, lines } = run('--tree', 'p-curl');
    expect(status).toBe(0);
    expect(lines[0]).toMatch(/^ {2}sh -c x {2}\[77 root p-sh\]/);
    expect(lines[1]).toMatch(/^\* {3}curl/);
    const [tree] = run('--tree', 'p-sh', '--json').lines;
    expect(JSON.parse(tree ?? '')).toMatchObject({
      ancestors: [],
      root: { entityId: 'p-sh', children: [{ entityId: 'p-curl' }] },
    });
    expect(run('--tree', 'nobody')).toMatchObject({ status: 1, stderr: expect.stringContaining('process_unknown') });
  });

  test('wrong arguments and a missing history are said in one line', () => {
    expect(run('--since', 'yesterday')).toMatchObject({ status: 2, stderr: expect.stringContaining('30m, 2h, 3d') });
    expect(run('--limit', '0')).toMatchObject({ status: 2 });
    expect(run('--state-dir', '/nonexistent')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('history_missing'),
    });
  });

  test('times are understood as people write them', () => {
    expect(parsePointInTime('90s', NOW)).toBe(NOW - 90_000);
    expect(parsePointInTime(' 3d', NOW)).toBe(NOW - 3 * 24 * HOUR);
    expect(parsePointInTime('2026-11-24T09:00Z', NOW)).toBe(Date.UTC(2026, 10, 24, 9));
    expect(parsePointInTime('2026-11-24', NOW)).toBe(new Date(2026, 10, 24).getTime());
    for (const text of ['', '5', '5w', 'now', '-1h']) expect(parsePointInTime(text, NOW)).toBeNaN();
  });
});
