import type { Observation } from '../../sensor.ts';
import type { LogFileKind } from './catalogue.ts';
import type { Describer } from './describe.ts';
import { parseSyslogLine } from './formats/syslog-line.ts';
import { decodeLine } from './text/clean-text.ts';
import type { TimeZone } from './time/local-time.ts';
import type { TimeContext } from './time/parse-timestamp.ts';

export interface LineReader {
  /** `modifiedAt`: when the file last changed, in milliseconds since the epoch. */
  read(kind: LogFileKind, lines: readonly Uint8Array[], modifiedAt: number): readonly Observation[];
}

const DAY_MS = 86_400_000;
/** A line that claims to be older or newer than this is taken to lie about its time. */
const OLDEST_MS = 400 * DAY_MS;

/** Turns the lines of files into observations. A line of unknown form is an event all the same, with its text. */
export function createLineReader(describer: Describer, zone: TimeZone, now: () => number): LineReader {
  function contextOf(modifiedAt: number): TimeContext {
    const present = now();
    // Files from before a stop are read against the time when they were written.
    return { zone, near: modifiedAt > 0 && present - modifiedAt > DAY_MS ? modifiedAt : present };
  }

  function plausible(time: number | undefined, context: TimeContext): number {
    if (time === undefined || time > context.near + DAY_MS || time < context.near - OLDEST_MS) return context.near;
    return time;
  }

  function readOne(kind: LogFileKind, text: string, context: TimeContext): Observation {
    if (kind.format.kind === 'syslog') {
      const line = parseSyslogLine(text, context);
      const time = plausible(line.time, context);
      return describer.record({ ...line, time, resolution: line.resolution ?? 0 }, kind.service);
    }
    const line = kind.format.parse(text, context);
    if (line) return describer.serviceLine({ ...line, time: plausible(line.time, context) });
    return describer.serviceLine({
      time: context.near,
      resolution: 0,
      service: kind.service,
      fields: { Message: text },
    });
  }

  return {
    read(kind, lines, modifiedAt) {
      const context = contextOf(modifiedAt);
      return lines.flatMap((bytes) => {
        const text = decodeLine(bytes);
        return text === '' ? [] : [readOne(kind, text, context)];
      });
    },
  };
}
