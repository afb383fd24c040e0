import type { Event } from '@yagura/protocol';
import { expect, test } from 'vitest';
import { createFileReader, type FileReaderLimits } from './read-written-files.ts';

const LIMITS: FileReaderLimits = {
  burst: 2,
  perSecond: 1,
  settleMs: 2_000,
  whileBusy: 10,
  whenQuiet: 100,
  maxWaiting: 5,
};

function setUp(limits: Partial<FileReaderLimits> = {}) {
  let now = 0;
  let tasks: { at: number; run: () => void }[] = [];
  const clock = {
    now: () => now,
    monotonic: () => now,
    after: (milliseconds: number, run: () => void) => {
      const task = { at: now + milliseconds, run };
      tasks.push(task);
      return () => void (tasks = tasks.filter((other) => other !== task));
    },
  };
  const read: string[] = [];
  const learnt: (readonly [path: string, target: unknown])[] = [];
  const reader = createFileReader({
    clock,
    limits: { ...LIMITS, ...limits },
    onBug: (error) => {
      throw error;
    },
    hasher: {
      dropped: 0,
      hash: (path) => {
        read.push(path);
        return Promise.resolve({ sha256: 'aa', size: 1 });
      },
    },
  });
  const see = (category: Event['logsource']['category'], fields: Event['fields'], urgent = false): void => {
    const logsource = { product: 'linux', ...(category === undefined ? {} : { category }) } as const;
    const event: Event = { eventId: 'e', time: now, logsource, fields };
    reader.read(event, urgent, (hashed, path) => learnt.push([path, hashed.fields['TargetFilename']]));
  };
  const write = (path: string, urgent = false): void => see('file_event', { TargetFilename: path }, urgent);
  const pass = async (milliseconds: number): Promise<void> => {
    for (const until = now + milliseconds; now < until; now += 100) {
      const due = tasks.filter(({ at }) => at <= now + 100);
      tasks = tasks.filter(({ at }) => at > now + 100);
      for (const { run } of due) run();
    }
    await Promise.resolve();
    await Promise.resolve();
  };
  return { reader, read, learnt, see, write, pass, pending: () => tasks.length };
}

test('where little is written it is read at once', async () => {
  const { read, write, pass, pending } = setUp();
  write('/a');
  write('/b');
  expect(read).toEqual(['/a', '/b']);
  await pass(1_000);
  write('/c');
  expect(read).toEqual(['/a', '/b', '/c']);
  expect(pending()).toBe(0);
});

test('what comes by the hundred waits, is read in its time, and then no timer is left', async () => {
  const { read, write, pass, pending } = setUp();
  for (const path of ['/a', '/b', '/c', '/d', '/d']) write(path);
  expect(read).toEqual(['/a', '/b']);
  await pass(1_900);
  expect(read).toHaveLength(2);
  await pass(500);
  expect(read).toEqual(['/a', '/b', '/c', '/d']);
  expect(pending()).toBe(0);
});

test('a file that is written for ever is read although', async () => {
  const { read, write, pass } = setUp({ burst: 0, perSecond: 0 });
  for (let second = 0; second < 4; second += 1) {
    write('/log');
    await pass(1_000);
  }
  expect(read).toEqual(['/log']);
});

test('what is deleted or renamed meanwhile is not read under its old name', async () => {
  const { read, learnt, see, write, pass } = setUp({ burst: 0, perSecond: 0 });
  for (const path of ['/tmp/a.s', '/tmp/new', '/pkg.part/bin/x', '/pkg.party']) write(path);
  see('file_delete', { TargetFilename: '/tmp/a.s' });
  see('file_rename', { SourceFilename: '/tmp/new', TargetFilename: '/etc/conf' });
  see('file_rename', { SourceFilename: '/pkg.part', TargetFilename: '/pkg', IsDirectory: true });
  await pass(4_000);
  expect(read.toSorted()).toEqual(['/etc/conf', '/pkg.party', '/pkg/bin/x']);
  expect(learnt).toContainEqual(['/pkg/bin/x', '/pkg/bin/x']);
});

test('a file that is run, or that somebody asks for, waits no longer', () => {
  const { read, see, write } = setUp({ burst: 0, perSecond: 0 });
  for (const path of ['/tmp/tool', '/tmp/x.sh', '/tmp/y']) write(path);
  see('process_creation', { Image: '/tmp/tool' });
  see('process_creation', { Image: '/bin/sh', ScriptFile: '/tmp/x.sh' });
  write('/tmp/y', true);
  expect(read).toEqual(['/tmp/tool', '/tmp/x.sh', '/tmp/y']);
});

test('what finds no room is counted, and what waits at the end too', () => {
  const { reader, write, pending } = setUp({ burst: 0, perSecond: 0 });
  for (let file = 0; file < 7; file += 1) write(`/f${file}`);
  expect(reader.dropped).toBe(2);
  reader.stop();
  expect(reader.dropped).toBe(7);
  expect(pending()).toBe(0);
  write('/late');
  reader.stop();
  expect(reader.dropped).toBe(7);
});

test('while files go on being written those that wait are read slowly, afterwards fast', async () => {
  const { read, write, pass } = setUp({ burst: 0, perSecond: 0, settleMs: 0, maxWaiting: 1_000 });
  for (let file = 0; file < 100; file += 1) write(`/f${file}`);
  await pass(900);
  expect(read.length).toBeLessThanOrEqual(10);
  await pass(2_000);
  expect(read).toHaveLength(100);
});

test('a path of another mount namespace is some other file: it is not read, and takes nothing from the one here', async () => {
  const { read, see, write, pass } = setUp();
  write('/a');
  write('/b');
  write('/tmp/waits');
  const elsewhere = { TargetFilename: '/tmp/waits', MountNamespace: 4_026_532_000 };
  see('file_event', { TargetFilename: '/etc/passwd', MountNamespace: 4_026_532_000 }, true);
  see('file_delete', elsewhere);
  see('file_rename', { ...elsewhere, SourceFilename: '/tmp/waits', TargetFilename: '/tmp/away' });
  await pass(5_000);
  expect(read).toEqual(['/a', '/b', '/tmp/waits']);
});

test('the thousands of files of one user keep nobody else from having his read', async () => {
  const { reader, read, see, pass } = setUp({ burst: 0, maxWaiting: 50, whileBusy: 10 });
  const writeAs = (user: string, path: string) => see('file_event', { TargetFilename: path, User: user });
  for (let file = 0; file < 500; file += 1) writeAs('flood', `/flood/${file}`);
  for (const path of ['/alice/1', '/alice/2']) writeAs('alice', path);
  expect(reader.dropped).toBe(452);
  await pass(2_400);
  for (const path of ['/alice/1', '/alice/2']) {
    expect(read).toContain(path);
    expect(read.indexOf(path)).toBeLessThan(5);
  }
  see('file_delete', { TargetFilename: '/flood/0' });
  writeAs('alice', '/alice/3');
  await pass(8_000);
  expect(read).toContain('/alice/3');
  expect(read.filter((path) => path.startsWith('/flood')).length).toBeGreaterThan(30);
});

test('a script that had to give way to thousands of files is read when somebody runs it', async () => {
  const { read, learnt, see, write, pass } = setUp({ burst: 0, perSecond: 0 });
  for (let file = 0; file < 20; file += 1) write(`/noise/${file}`);
  write('/tmp/drop.sh');
  see('process_creation', { Image: '/bin/sh', ScriptFile: '/tmp/drop.sh' });
  expect(read).toEqual(['/tmp/drop.sh']);
  await pass(100);
  expect(learnt).toContainEqual(['/tmp/drop.sh', '/tmp/drop.sh']);
  see('process_creation', { Image: '/bin/sh', ScriptFile: '/tmp/drop.sh', MountNamespace: 4_026_532_000 });
  expect(read).toHaveLength(1);
});

test('where nothing gave way a script that was there before is not read for its start', () => {
  const { read, see } = setUp();
  see('process_creation', { Image: '/bin/sh', ScriptFile: '/usr/bin/apt-key' });
  expect(read).toEqual([]);
});

test('files that are made and deleted by the hundred take no places from those that stay', async () => {
  const { reader, read, see, write, pass } = setUp({ burst: 0, perSecond: 0, maxWaiting: 10 });
  for (let file = 0; file < 100; file += 1) {
    write(`/ghost/${file}`);
    see('file_delete', { TargetFilename: `/ghost/${file}` });
  }
  write('/tmp/stays');
  expect(reader.dropped).toBe(0);
  await pass(5_000);
  expect(read).toEqual(['/tmp/stays']);
});
