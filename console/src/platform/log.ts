import { type DestinationStream, type Logger, pino } from 'pino';

/** JSON lines; strings of agents are values there and never break a line. Secrets are never passed in. */
export type Log = Logger;

export function createLog(name: string, level: string, destination?: DestinationStream): Log {
  const options = { name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}
