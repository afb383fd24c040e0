import { expect, test } from 'vitest';
import { TalkativeProcesses } from './talkative-processes.ts';

const LIMITS = { calls: 10, windowMs: 1_000, muteMs: 5_000, maxProcesses: 4 };

test('too many calls within the window mute a process for a while, once', () => {
  const talkative = new TalkativeProcesses(LIMITS);
  const noted = Array.from({ length: 20 }, (_, at) => talkative.note(7, at));
  expect(noted.filter(Boolean)).toHaveLength(1);
  expect(noted[10]).toBe(true);
  expect(talkative.muted).toEqual([7]);
  expect(talkative.expire(5_009)).toEqual([]);
  expect(talkative.expire(5_010)).toEqual([7]);
  expect(talkative.muted).toEqual([]);
  expect(talkative.times).toBe(1);
});

test('as many over a longer time do not', () => {
  const talkative = new TalkativeProcesses(LIMITS);
  for (let at = 0; at < 10_000; at += 150) expect(talkative.note(7, at)).toBe(false);
});

test('processes beyond the bound are not counted', () => {
  const talkative = new TalkativeProcesses(LIMITS);
  for (let pid = 0; pid < 4; pid += 1) talkative.note(pid, 0);
  for (let call = 0; call < 50; call += 1) expect(talkative.note(99, 1)).toBe(false);
  for (let call = 0; call < 10; call += 1) talkative.note(3, 2);
  expect(talkative.muted).toEqual([3]);
});
