import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LOG_FILES, type LogFileKind } from '../catalogue.ts';
import { LINE_BYTES } from '../text/clean-text.ts';
import { LogFollower } from './follow-log.ts';
import { OpenLog, READ_BYTES } from './open-log.ts';

const kind = LOG_FILES[0] as LogFileKind;
const buffer = Buffer.alloc(READ_BYTES);
let folder: string;
let path: string;
let now: number;
let open: LogFollower[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yagura-logs-'));
  path = join(folder, 'auth.log');
  now = 0;
  open = [];
});
afterEach(async () => {
  for (const follower of open) await follower.close();
  rmSync(folder, { recursive: true, force: true });
});

function follower(): LogFollower {
  const made = new LogFollower({ path, kind, buffer, monotonic: () => now });
  open.push(made);
  return made;
}

async function take(log: LogFollower, maxLines = 100): Promise<string[]> {
  const taken: string[] = [];
  await log.look();
  for (;;) {
    const { lines, more } = await log.read(maxLines);
    taken.push(...lines.map((line) => Buffer.from(line).toString()));
    if (!more) return taken;
  }
}

/** A follower that goes on where another stopped. */
async function restarted(before: LogFollower, savedAt = Date.now()): Promise<LogFollower> {
  const positions = before.positions;
  await before.close();
  const after = follower();
  await after.resume(positions, savedAt);
  return after;
}

async function following(content: string): Promise<LogFollower> {
  writeFileSync(path, content);
  const log = follower();
  await log.begin('start');
  return log;
}

describe('growth', () => {
  test('lines come once, whole and in order', async () => {
    const log = await following('one\ntw');
    expect(await take(log)).toEqual(['one']);
    expect(await take(log)).toEqual([]);
    appendFileSync(path, 'o\nthree\n');
    expect(await take(log)).toEqual(['two', 'three']);
  });

  test("a log's past is passed over, with a line that was being written", async () => {
    writeFileSync(path, 'old\nhal');
    const log = follower();
    await log.begin('end');
    appendFileSync(path, 'f\nnew\n');
    expect(await take(log)).toEqual(['new']);
  });

  test('a gigantic line is shortened and does not hide the next', async () => {
    const log = await following('');
    for (let written = 0; written < 10; written += 1) {
      appendFileSync(path, 'x'.repeat(LINE_BYTES / 2));
      await take(log);
    }
    appendFileSync(path, '\nnext\n');
    expect(await take(log)).toEqual(['next']);
    expect(log.lost).toBe(0);
  });

  test('what runs ahead too far is counted line by line, and reading goes on', async () => {
    const line = `${'y'.repeat(99)}\n`;
    const log = await following(line.repeat(400_000));
    const taken = await take(log, 100_000);
    expect(taken.length).toBeGreaterThan(100_000);
    expect(taken.length + log.lost).toBeGreaterThanOrEqual(400_000);
    expect(taken.length + log.lost).toBeLessThanOrEqual(400_001);
    appendFileSync(path, 'after\n');
    expect(await take(log)).toEqual(['after']);
  });
});

describe('rotation', () => {
  test('renamed and made anew: the rest of the old one comes first, also when it is still written', async () => {
    const log = await following('1\n');
    expect(await take(log)).toEqual(['1']);
    appendFileSync(path, '2\n');
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, '3\n');
    writeFileSync(path, '4\n');
    expect(await take(log)).toEqual(['2', '3', '4']);
    appendFileSync(`${path}.1`, '5\n');
    appendFileSync(path, '6\n');
    expect((await take(log)).sort()).toEqual(['5', '6']);
    expect(log.lost).toBe(0);
  });

  test('the old one is let go when it was quiet for a minute, with its last line', async () => {
    const log = await following('1\n');
    await take(log);
    appendFileSync(path, 'no end');
    renameSync(path, `${path}.1`);
    writeFileSync(path, '');
    expect(await take(log)).toEqual([]);
    expect(log.positions).toHaveLength(2);
    now = 61_000;
    expect(await take(log)).toEqual(['no end']);
    expect(await take(log)).toEqual([]);
    expect(log.positions).toHaveLength(1);
  });

  test('deleted: what was unread is still read, and the disk gets its space back', async () => {
    const log = await following('1\n');
    rmSync(path);
    expect(await take(log)).toEqual(['1']);
    now = 61_000;
    await take(log);
    expect(log.isGone).toBe(true);
    writeFileSync(path, 'again\n');
    expect(await take(log)).toEqual(['again']);
  });

  test('copied and emptied: what was written in between is found in the copy', async () => {
    const log = await following('first line of the log\n');
    await take(log);
    appendFileSync(path, 'unread\n');
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, 'new\n');
    expect(await take(log)).toEqual(['unread', 'new']);
    expect(log.lost).toBe(0);
  });

  test('emptied and grown past the old end is noticed', async () => {
    const log = await following('short\n');
    await take(log);
    truncateSync(path);
    appendFileSync(path, 'quite another line\nand more\n');
    expect(await take(log)).toEqual(['quite another line', 'and more']);
  });

  test('emptied and grown to exactly the old size is noticed', async () => {
    const log = await following('line 1\n');
    await take(log);
    truncateSync(path);
    appendFileSync(path, 'line 2\n');
    utimesSync(path, 1, 2);
    expect(await take(log)).toEqual(['line 2']);
  });

  test('emptied under a writer that does not append: the hole is no line', async () => {
    const log = await following('0123456789\n');
    await take(log);
    truncateSync(path);
    truncateSync(path, 200_000);
    appendFileSync(path, 'behind the hole\n');
    expect(await take(log)).toEqual(['behind the hole']);
  });

  test('emptied with lines unread and no copy: counted', async () => {
    const log = await following(`${'z'.repeat(59)}\n`.repeat(10));
    expect((await log.read(4)).lines).toHaveLength(4);
    truncateSync(path);
    appendFileSync(path, 'new\n');
    expect(await take(log)).toEqual(['new']);
    expect(log.lost).toBe(6);
  });

  test('an inode that comes again is another file', async () => {
    const log = await following('old content\n');
    await take(log);
    const { ino } = statSync(path);
    rmSync(path);
    writeFileSync(path, 'new content, longer than before\n');
    expect(await take(log)).toEqual(['new content, longer than before']);
    expect(typeof ino).toBe('number');
  });
});

describe('while the agent was stopped', () => {
  test('nothing happened: nothing is repeated', async () => {
    const log = await restarted(await read('1\n2\n'));
    expect(await take(log)).toEqual([]);
    appendFileSync(path, '3\n');
    expect(await take(log)).toEqual(['3']);
  });

  test('in the middle of a batch', async () => {
    const before = await following('1\n2\n3\n');
    expect((await before.read(1)).lines).toHaveLength(1);
    expect(await take(await restarted(before))).toEqual(['2', '3']);
  });

  test('renamed, with a line added before', async () => {
    const before = await read('1\n');
    appendFileSync(path, '2\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, '3\n');
    const after = await restarted(before);
    expect(await take(after)).toEqual(['2', '3']);
    expect(after.lost).toBe(0);
  });

  test('rotated twice: also the file that nobody saw', async () => {
    const before = await read('1\n');
    const started = Date.now();
    appendFileSync(path, '2\n');
    renameSync(path, `${path}.2`);
    age(`${path}.2`, started + 1_000);
    writeFileSync(`${path}.1`, '3\n');
    age(`${path}.1`, started + 2_000);
    writeFileSync(path, '4\n');
    const after = await restarted(before, started);
    expect(await take(after)).toEqual(['2', '3', '4']);
  });

  test('copied and emptied', async () => {
    const before = await read('first line\n');
    appendFileSync(path, 'second line\n');
    copyFileSync(path, join(folder, 'auth.log-20261124'));
    truncateSync(path);
    appendFileSync(path, 'third line, longer than the first\n');
    expect(await take(await restarted(before))).toEqual(['second line', 'third line, longer than the first']);
  });

  test('emptied, and nothing left: reading starts anew and the gap is counted', async () => {
    const before = await read('first line\n');
    truncateSync(path);
    appendFileSync(path, 'x\n');
    const after = await restarted(before);
    expect(await take(after)).toEqual(['x']);
    expect(after.lost).toBe(1);
  });

  test('twice within a rotation that is not read to its end', async () => {
    const before = await read('1\n');
    appendFileSync(path, '2\n3\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, '4\n');
    await before.look();
    expect((await before.read(1)).lines).toHaveLength(1);
    expect(await take(await restarted(before))).toEqual(['3', '4']);
  });

  async function read(content: string): Promise<LogFollower> {
    const log = await following(content);
    await take(log);
    return log;
  }

  function age(file: string, time: number): void {
    utimesSync(file, time / 1_000, time / 1_000);
  }
});

describe('what is no log', () => {
  test('a link is refused: a server must not choose what root reads', async () => {
    writeFileSync(join(folder, 'secret'), 'root:x:0\n');
    symlinkSync(join(folder, 'secret'), path);
    const log = follower();
    await log.begin('start');
    expect(await take(log)).toEqual([]);
    expect(log.problem).toBe('is_link');
  });

  test('a file that becomes a link is read to its end and no further', async () => {
    const log = await following('1\n');
    writeFileSync(join(folder, 'secret'), 'root:x:0\n');
    rmSync(path);
    symlinkSync(join(folder, 'secret'), path);
    expect(await take(log)).toEqual(['1']);
    expect(log.problem).toBe('is_link');
  });

  test('a folder', async () => {
    expect(await OpenLog.open(folder)).toEqual({ ok: false, code: 'not_a_file' });
    expect(await OpenLog.open(join(folder, 'none'))).toEqual({ ok: false, code: 'ENOENT' });
  });

  test('a pipe does not make anybody wait', async () => {
    const { spawnSync } = await import('node:child_process');
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    expect(await OpenLog.open(path)).toEqual({ ok: false, code: 'not_a_file' });
  });
});
