/** Where time comes from; milliseconds. */
export interface TimeSources {
  readonly wall: () => number;
  /** Since the machine booted, suspension included; never goes back. */
  readonly boot: () => number;
}

/** The time by which tunings and exclusions end (SPEC CM15), in wall milliseconds. */
export interface JudgedTime {
  now(): number;
  /** The console stated its time just now; from here on only the console's time counts. */
  state(consoleTime: number): void;
  /** It is at least this late: a signed order says so. */
  atLeast(time: number): void;
  /** It was this late in a former run, as far as that one knew; a console's word counts more. */
  remember(time: number): void;
  /** Whether a console stated the time since the agent began: only then may what has ended be forgotten. */
  isVouched(): boolean;
}

/**
 * Without a session it is the later of the machine's clock now and the time that was known at the start, carried
 * forward: a clock that is set back, while the agent runs or before it starts, makes nothing last longer. What a
 * clock that was wrongly ahead has ended comes back with the next session.
 */
export function createJudgedTime({ wall, boot }: TimeSources): JudgedTime {
  let known = { time: wall(), at: boot() };
  let floor = 0;
  let vouched = false;
  const carried = (): number => known.time + boot() - known.at;
  const raise = (time: number): void => {
    if (!vouched && time > carried()) known = { time, at: boot() };
  };
  return {
    now: () => Math.max(floor, carried(), vouched ? 0 : wall()),
    state(consoleTime) {
      known = { time: consoleTime, at: boot() };
      vouched = true;
    },
    atLeast(time) {
      floor = Math.max(floor, time);
      raise(time);
    },
    remember: raise,
    isVouched: () => vouched,
  };
}
