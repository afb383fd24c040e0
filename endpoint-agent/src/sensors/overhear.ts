import type { Sensor, Sink } from './sensor.ts';

/** The same sensor, with a second listener that hears each batch after the first has dealt with it. */
export function overhear(sensor: Sensor, listen: Sink): Sensor {
  return {
    declaration: sensor.declaration,
    stopped: sensor.stopped,
    health: () => sensor.health(),
    start: (sink, signal) =>
      sensor.start((observations) => {
        sink(observations);
        listen(observations);
      }, signal),
  };
}
