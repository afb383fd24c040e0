import { describe, expect, test } from 'vitest';
import { createJudgedTime } from './judged-time.ts';

const START = 1_000_000;

function machine() {
  const clocks = { wall: START, boot: 50 };
  const time = createJudgedTime({ wall: () => clocks.wall, boot: () => clocks.boot });
  const pass = (milliseconds: number): void => {
    clocks.wall += milliseconds;
    clocks.boot += milliseconds;
  };
  return { clocks, time, pass };
}

describe('[CM15] the time by which tunings end', () => {
  test('is the machine’s own before a console stated one', () => {
    const { time, pass } = machine();
    pass(500);
    expect([time.now(), time.isVouched()]).toEqual([START + 500, false]);
  });

  test('does not go back with a clock that is set back while the agent runs', () => {
    const { clocks, time, pass } = machine();
    pass(500);
    clocks.wall = 7;
    expect(time.now()).toBe(START + 500);
    pass(100);
    expect(time.now()).toBe(START + 600);
  });

  test('is no earlier than a signed order says, and goes on from there', () => {
    const { clocks, time, pass } = machine();
    clocks.wall = 7;
    time.atLeast(START + 9_000);
    expect(time.now()).toBe(START + 9_000);
    pass(100);
    expect(time.now()).toBe(START + 9_100);
    time.atLeast(START);
    expect(time.now()).toBe(START + 9_100);
  });

  test('is the console’s once it was stated, however wrong the machine’s clock is', () => {
    for (const wrong of [7, START * 1_000]) {
      const { clocks, time, pass } = machine();
      clocks.wall = wrong;
      time.state(START + 1);
      pass(100);
      expect([time.now(), time.isVouched()]).toEqual([START + 101, true]);
    }
  });

  test('is no earlier than a former run knew, until a console says so', () => {
    const { clocks, time, pass } = machine();
    clocks.wall = 7;
    time.remember(START + 4_000);
    pass(100);
    expect(time.now()).toBe(START + 4_100);
    // That one's clock may have been ahead.
    time.state(START + 200);
    expect(time.now()).toBe(START + 200);
    time.remember(START + 4_000);
    expect(time.now()).toBe(START + 200);
  });

  test('counts the time that the machine slept', () => {
    const { clocks, time } = machine();
    time.state(START);
    clocks.boot += 3_600_000;
    expect(time.now()).toBe(START + 3_600_000);
  });

  test('of a console that lies is still no earlier than a signed order', () => {
    const { time } = machine();
    time.atLeast(START + 5_000);
    time.state(START - 5_000);
    expect(time.now()).toBe(START + 5_000);
  });
});
