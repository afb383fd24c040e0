import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../store/sqlite.ts';
import type { ProcessRecord } from '../process-table.ts';
import { type History, openHistory } from './history.ts';
import type { HistoryLimits } from './history-limits.ts';
import { type HistoryReader, openHistoryReader } from './history-reader.ts';

const MIB = 1_048_576;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = 1_800_000_000_000;

let folder = '';
let path = '';
const clock = { time: START, steady: 0, now: () => clock.time, monotonic: () => clock.steady, after: () => () => {} };
const table = new Map<string, ProcessRecord>();
let sequence = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-history-'));
  path = join(folder, 'history.sqlite');
  Object.assign(clock, { time: START, steady: 0 });
  table.clear();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (limits: Partial<HistoryLimits> = {}, lines: string[] = []): History =>
  openHistory({
    path,
    clock,
    processes: { get: (id) => table.get(id) },
    limits: { freeBytes: 0, ...limits },
    log: (message) => void lines.push(message),
  });
const pass = (history: History, milliseconds: number) => {
  clock.time += milliseconds;
  clock.steady += milliseconds;
  history.tick();
};
function read<Result>(work: (reader: HistoryReader) => Result): Result {
  using reader = openHistoryReader(path);
  return work(reader);
}

function event(category: Event['logsource']['category'], fields: Event['fields'], more: Partial<Event> = {}): Event {
  sequence += 1;
  return {
    eventId: `e${sequence}`,
    logsource: { product: 'linux', ...(category === undefined ? {} : { category }) },
    time: clock.time,
    fields,
    ...more,
  };
}
const started = (entityId: string, parentEntityId: string | undefined, image: string, pid = sequence) =>
  event(
    'process_creation',
    { Image: image, CommandLine: `${image} --x`, ProcessId: pid, User: 'root' },
    { entityId, ...(parentEntityId === undefined ? {} : { parentEntityId }) },
  );
const wrote = (target: string, entityId = 'w') =>
  event('file_event', { TargetFilename: target, Image: '/usr/bin/tee' }, { entityId });
const wroteAs = (user: string, target: string) => {
  const written = wrote(target);
  return { ...written, fields: { ...written.fields, User: user } };
};

describe('what was added is found', () => {
  test('by time, program, path, address, process and kind, in the order of time', () => {
    using history = open();
    history.add(started('a', undefined, '/usr/bin/curl'));
    pass(history, HOUR);
    history.add(wrote('/etc/cron.d/job', 'a'));
    history.add(wrote('/etc/cron.daily/x', 'b'));
    clock.time += 1;
    history.add(
      event('network_connection', { DestinationIp: '203.0.113.9', Image: '/usr/bin/curl' }, { entityId: 'a' }),
    );
    pass(history, 2_000);
    const ids = (query: Parameters<HistoryReader['search']>[0]) =>
      read((reader) => reader.search(query)).map((found) => found.logsource.category);
    const limit = 100;
    expect(ids({ limit })).toEqual(['process_creation', 'file_event', 'file_event', 'network_connection']);
    expect(ids({ limit, since: START + HOUR })).toHaveLength(3);
    expect(ids({ limit, until: START })).toEqual(['process_creation']);
    expect(ids({ limit, process: 'CURL' })).toEqual(['process_creation', 'network_connection']);
    expect(ids({ limit, process: 'cur' })).toEqual([]);
    expect(ids({ limit, path: '/etc/cron.d' })).toEqual(['file_event']);
    expect(ids({ limit, path: '/etc/cron.d/' })).toEqual(['file_event']);
    expect(ids({ limit, path: '/etc' })).toHaveLength(2);
    expect(ids({ limit, path: '/' })).toHaveLength(4);
    expect(ids({ limit, ip: '203.0.113.9' })).toEqual(['network_connection']);
    expect(ids({ limit, ip: '203.0.113' })).toEqual([]);
    expect(ids({ limit, entityId: 'a' })).toEqual(['process_creation', 'file_event', 'network_connection']);
    expect(ids({ limit, category: 'file_event', entityId: 'b' })).toEqual(['file_event']);
  });

  test('the newest ones when there are more than asked for, over blocks of both lanes', () => {
    using history = open();
    for (let n = 0; n < 3_000; n += 1) {
      clock.time += 10;
      if (n % 100 === 0) pass(history, 1_000);
      history.add(n % 3 === 0 ? wrote(`/f/${n}`) : started(`p${n}`, undefined, `/bin/p${n}`, n));
    }
    pass(history, 3_000);
    const newest = read((reader) => reader.search({ limit: 50 }));
    const all = read((reader) => reader.search({ limit: 10_000 }));
    expect(all).toHaveLength(3_000);
    expect(newest).toEqual(all.slice(-50));
    expect(all.map(({ time }) => time)).toEqual(all.map(({ time }) => time).toSorted((a, b) => a - b));
  });

  test('names with quotes, backslashes, line feeds and every script', () => {
    using history = open();
    const names = ['/tmp/a"b', '/tmp/c\\x0ad', '/tmp/\u202egpj', '/tmp/日本語', "/tmp/'; DROP TABLE block; --"];
    for (const name of names) history.add(wrote(name));
    pass(history, 2_000);
    for (const name of names) {
      const found = read((reader) => reader.search({ limit: 10, path: name }));
      expect(found.map(({ fields }) => fields['TargetFilename'])).toEqual([name]);
    }
    history.add(event('process_creation', { Image: '/x', CommandLine: 'a\nb' }));
    pass(history, 2_000);
    expect(read((reader) => reader.search({ limit: 10, process: 'x' }))).toHaveLength(1);
  });
});

describe('trees', () => {
  test('of processes that are long gone, with the forked ones between and what ran before the agent', () => {
    table.set('init', { entityId: 'init', pid: 1, image: '/sbin/init', startedAt: 5 });
    table.set('shell', {
      entityId: 'shell',
      pid: 10,
      parentEntityId: 'init',
      image: '/bin/bash',
      commandLine: 'bash --token abc',
      startedAt: 6,
    });
    table.set('fork', { entityId: 'fork', pid: 11, parentEntityId: 'shell', image: '/bin/bash', startedAt: 7 });
    {
      using history = open();
      history.add(started('curl', 'fork', '/usr/bin/curl', 12));
      history.add(started('sh', 'fork', '/bin/sh', 13));
      history.add(started('id', 'sh', '/usr/bin/id', 14));
      pass(history, 500);
      history.add(event('process_termination', {}, { entityId: 'id' }));
      pass(history, 3_000);
      table.clear();
    }
    const tree = read((reader) => reader.tree('sh'));
    expect(tree?.ancestors.map(({ entityId }) => entityId)).toEqual(['init', 'shell', 'fork']);
    expect(tree?.ancestors[1]?.commandLine).toBe('bash --token ***');
    expect(tree?.root).toMatchObject({ entityId: 'sh', pid: 13, children: [{ entityId: 'id', endedAt: START + 500 }] });
    expect(read((reader) => reader.tree('12'))?.root.entityId).toBe('curl');
    expect(read((reader) => reader.tree('fork'))?.root.children).toHaveLength(2);
    expect(read((reader) => reader.tree('nobody'))).toBeUndefined();
  });

  test('an exec keeps the beginning and takes the new program', () => {
    using history = open();
    history.add(started('a', undefined, '/bin/sh', 5));
    pass(history, 5_000);
    history.add(started('a', undefined, '/usr/bin/python3', 5));
    pass(history, 5_000);
    expect(read((reader) => reader.tree('a'))?.root).toMatchObject({ image: '/usr/bin/python3', startedAt: START });
  });

  test('rows that lead in circles, or are very many, end', () => {
    using history = open();
    history.add(started('x', 'y', '/x'));
    history.add(started('y', 'x', '/y'));
    for (let n = 0; n < 1_500; n += 1) history.add(started(`c${n}`, 'x', '/c'));
    pass(history, 3_000);
    const tree = read((reader) => reader.tree('x'));
    expect(tree?.ancestors.map(({ entityId }) => entityId)).toEqual(['y']);
    expect([tree?.root.children.length, tree?.omitted]).toEqual([1_000, 500]);
  });
});

describe('bounds', () => {
  const noise = (n: number) =>
    Array.from({ length: 24 }, (_, i) => Math.imul(n * 31 + i, 2_654_435_761).toString(36)).join('/');

  test('the size, the oldest first, and files never crowd out the rest', () => {
    using history = open({ bytes: 4 * MIB, perSecond: 1e9, filesPerSecond: 1e9 });
    for (let n = 0; n < 400; n += 1)
      history.add(event('network_connection', { DestinationIp: `203.0.113.${n % 256}`, N: noise(n) }));
    pass(history, 3_000);
    for (let n = 0; n < 60_000; n += 1) {
      history.add(wrote(`/data/${noise(n)}`));
      if (n % 5_000 === 0) pass(history, 61_000);
    }
    for (let n = 0; n < 10; n += 1) pass(history, 61_000);
    const { bytes, events, oldestAt } = history.status();
    expect(bytes).toBeLessThanOrEqual(4 * MIB);
    expect(statSync(path).size).toBeLessThan(9 * MIB);
    expect(oldestAt).toBe(START);
    expect(read((reader) => reader.search({ limit: 1_000, category: 'network_connection' }))).toHaveLength(400);
    const files = read((reader) => reader.search({ limit: 100_000, category: 'file_event' }));
    expect(files.length).toBe(events - 400);
    expect(files.at(-1)?.fields['TargetFilename']).toBe(`/data/${noise(59_999)}`);
    expect(files.length).toBeLessThan(55_000);
  });

  test('processes, those that ended longest ago first', () => {
    using history = open({ bytes: 4 * MIB, processShare: 0.1, perSecond: 1e9 });
    for (let n = 0; n < 8_000; n += 1) {
      history.add(started(`p${n}`, undefined, '/bin/true', n));
      if (n !== 3) history.add(event('process_termination', {}, { entityId: `p${n}` }));
      if (n % 1_000 === 999) pass(history, 3_000);
    }
    for (let n = 0; n < 4; n += 1) pass(history, 61_000);
    expect(history.status().processes).toBeLessThan(5_000);
    expect(read((reader) => reader.tree('p3'))).toBeDefined();
    expect(read((reader) => reader.tree('p7999'))).toBeDefined();
    expect(read((reader) => reader.tree('p0'))).toBeUndefined();
  });

  test('the age, but not because a clock jumped', () => {
    using history = open({ ageMs: 7 * DAY });
    const old = started('old', undefined, '/bin/old');
    history.add(old);
    history.add(event('process_termination', {}, { entityId: 'old' }));
    pass(history, 3_000);
    clock.time += 400 * DAY;
    history.tick();
    pass(history, 61_000);
    pass(history, 61_000);
    expect(history.status().events).toBe(1);
    clock.time -= 400 * DAY;
    for (let hour = 0; hour < 8 * 24; hour += 1) {
      history.add(wrote(`/f${hour}`));
      pass(history, HOUR);
    }
    expect(
      read((reader) => reader.search({ limit: 10_000 })).every(({ time }) => time >= clock.time - 7 * DAY - 2 * HOUR),
    ).toBe(true);
    expect(read((reader) => reader.tree('old'))).toBeUndefined();
    expect(history.status().events).toBeGreaterThan(160);
  });

  test('events of one second beyond the bound are counted, files first', () => {
    using history = open({ perSecond: 100, filesPerSecond: 60 });
    for (let n = 0; n < 90; n += 1) history.add(wrote(`/f${n}`));
    for (let n = 0; n < 50; n += 1) history.add(event('dns_query', { QueryName: 'x.example' }));
    pass(history, 3_000);
    expect(history.status()).toMatchObject({ events: 100, dropped: 40 });
  });

  test('a flood of one user displaces his own events, not those of days before and of others', () => {
    using history = open({ bytes: 4 * MIB, userBurst: 500, userPerSecond: 1, perSecond: 1e9, filesPerSecond: 1e9 });
    for (let n = 0; n < 400; n += 1) history.add(wroteAs('alice', `/home/alice/${noise(n)}`));
    pass(history, 3_000);
    for (let n = 0; n < 60_000; n += 1) {
      history.add(wroteAs('flood', `/data/${noise(n)}`));
      if (n % 5_000 === 0) pass(history, 61_000);
    }
    for (let n = 0; n < 10; n += 1) pass(history, 61_000);
    const files = read((reader) => reader.search({ limit: 100_000, category: 'file_event' }));
    const of = (user: string) => files.filter(({ fields }) => fields['User'] === user);
    expect(of('alice')).toHaveLength(400);
    expect(of('flood').at(-1)?.fields['TargetFilename']).toBe(`/data/${noise(59_999)}`);
    expect(of('flood').length).toBeLessThan(30_000);
    expect(history.status().bytes).toBeLessThanOrEqual(4 * MIB);
  });

  test('within a second a flood of one user leaves room for others', () => {
    using history = open({ perSecond: 100, filesPerSecond: 60 });
    for (let n = 0; n < 500; n += 1) history.add(wroteAs('flood', `/f${n}`));
    for (let n = 0; n < 20; n += 1) history.add(wroteAs('alice', `/a${n}`));
    pass(history, 3_000);
    expect(history.status()).toMatchObject({ events: 80, dropped: 440 });
  });

  test('processes of the user who has most of them go first', () => {
    using history = open({ bytes: 4 * MIB, processShare: 0.1, perSecond: 1e9 });
    const process = (id: string, user: string, n: number) => {
      const begun = started(id, undefined, '/bin/true', n);
      history.add({ ...begun, fields: { ...begun.fields, User: user } });
      history.add(event('process_termination', {}, { entityId: id }));
    };
    for (let n = 0; n < 300; n += 1) process(`a${n}`, 'alice', n);
    for (let n = 0; n < 8_000; n += 1) {
      process(`p${n}`, 'flood', n);
      if (n % 1_000 === 999) pass(history, 3_000);
    }
    for (let n = 0; n < 4; n += 1) pass(history, 61_000);
    expect(history.status().processes).toBeLessThan(5_000);
    for (const id of ['a0', 'a299', 'p7999'])
      expect(
        read((reader) => reader.tree(id)),
        id,
      ).toBeDefined();
  });

  test('nothing is kept on a full disk or when it is switched off, and it says so', () => {
    using low = open({ freeBytes: Number.MAX_SAFE_INTEGER });
    low.add(wrote('/f'));
    pass(low, 3_000);
    expect(low.status()).toMatchObject({ events: 0, dropped: 1, code: 'disk_low' });
    path = join(folder, 'off.sqlite');
    using off = open({ bytes: 0 });
    off.add(wrote('/f'));
    expect(off.status()).toMatchObject({ events: 0, dropped: 0, code: 'history_off' });
  });
});

describe('over restarts and damage', () => {
  test('an orderly end keeps everything, and the next run goes on', () => {
    {
      using history = open();
      history.add(wrote('/one'));
    }
    using history = open();
    history.add(wrote('/two'));
    pass(history, 2_000);
    expect(read((reader) => reader.search({ limit: 10 })).map(({ fields }) => fields['TargetFilename'])).toEqual([
      '/one',
      '/two',
    ]);
  });

  test('a file that is no database, or one of another version, is set aside and kept', () => {
    writeFileSync(path, 'this was never a database '.repeat(500));
    const lines: string[] = [];
    {
      using history = open({}, lines);
      history.add(wrote('/f'));
    }
    expect(lines).toHaveLength(1);
    expect(readFileSync(`${path}.damaged`, 'utf8')).toContain('never a database');
    expect(read((reader) => reader.search({ limit: 10 }))).toHaveLength(1);
    const other = openStore(path);
    other.exec('PRAGMA user_version = 99');
    other[Symbol.dispose]();
    using again = open({}, lines);
    expect([lines.length, again.status().events]).toEqual([2, 0]);
  });

  test('damage that is met while running costs what was to be written, and the next events are kept', () => {
    const lines: string[] = [];
    {
      using history = open();
      for (let n = 0; n < 2_000; n += 1) history.add(wrote(`/f${n}`));
    }
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4_096);
    writeFileSync(path, bytes);
    using history = open({}, lines);
    expect(lines).toEqual([]);
    for (let round = 0; round < 5; round += 1) {
      for (let n = 0; n < 600; n += 1) history.add(wrote(`/g${round}-${n}`));
      pass(history, 61_000);
    }
    expect(lines).toHaveLength(1);
    expect(history.status().dropped).toBeGreaterThan(0);
    expect(history.status().dropped).toBeLessThan(1_300);
    expect(read((reader) => reader.search({ limit: 10_000, path: '/g4-0' }))).toHaveLength(1);
  });

  test('a block that was tampered with is passed over, the others are read', () => {
    {
      using history = open();
      for (let n = 0; n < 1_100; n += 1) history.add(wrote(`/f${n}`));
    }
    const other = openStore(path, 'shared');
    other.prepare('UPDATE block SET data = ? WHERE id = 1').run(Buffer.from('28b52ffd00', 'hex'));
    other.prepare("UPDATE block SET data = CAST(data AS TEXT) || 'x' WHERE id = 99").run();
    other[Symbol.dispose]();
    const found = read((reader) => reader.search({ limit: 10_000 }));
    expect(found).toHaveLength(1_100 - 512);
  });

  test('a reader beside the writer sees what was written, and does not hold it up', () => {
    using history = open();
    history.add(wrote('/before'));
    pass(history, 2_000);
    using reader = openHistoryReader(path);
    expect(reader.search({ limit: 10 })).toHaveLength(1);
    history.add(wrote('/after'));
    const before = performance.now();
    pass(history, 2_000);
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(reader.search({ limit: 10 })).toHaveLength(2);
    expect(history.status().dropped).toBe(0);
  });
});
