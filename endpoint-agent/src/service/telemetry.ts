import type { Event, EventCategory } from '@yagura/protocol';
import { FairShare } from '../platform/fairness/fair-share.ts';
import { TAMPER_SERVICE } from '../sensors/sensor.ts';
import type { Spool } from '../spool/spool.ts';

/** Sends the events that a person needs to understand an incident later; the rest stays on the endpoint. */
export interface Telemetry {
  add(event: Event): void;
  flush(): void;
  /** Events not sent because more came than a second allows, or more of one user than his share. */
  readonly shed: number;
}

/** Beyond this only events of users who had less than their share of it. */
const AMPLE_PER_SECOND = 500;
const FLUSH_ITEMS = 200;

/** Written files are far too many to send: those of places where things start are, the rest is in stories. */
const SENT: Record<EventCategory, boolean> = {
  process_creation: true,
  process_termination: false,
  process_access: true,
  process_tampering: true,
  network_connection: true,
  dns_query: true,
  file_event: false,
  file_change: false,
  file_rename: false,
  file_delete: false,
  file_access: true,
  driver_load: true,
  persistence: true,
  authentication: true,
  webserver: false,
};

/** Lines of logs stay on the endpoint, except those whose meaning was understood: they carry an `EventType`. */
function isSent({ logsource, fields }: Event): boolean {
  if (logsource.category !== undefined) return SENT[logsource.category];
  return logsource.product !== 'linux' || fields['EventType'] !== undefined;
}

export function createTelemetry(spool: Pick<Spool, 'append'>, monotonic: () => number): Telemetry {
  let waiting: Event[] = [];
  let second = 0;
  let shed = 0;
  const shares = new FairShare(AMPLE_PER_SECOND);
  function flush(): void {
    if (waiting.length === 0) return;
    const events = waiting;
    waiting = [];
    spool.append(events.map((event) => ({ type: 'event', event })));
  }
  return {
    add(event) {
      if (!isSent(event)) return;
      const now = monotonic();
      const current = Math.floor(now / 1_000);
      if (current !== second) {
        second = current;
        shares.clear();
      }
      // What nobody is named for shares as if one did it all.
      const user = String(event.fields['User'] ?? '');
      // What was done to the agent itself is never left out.
      if (event.logsource.service !== TAMPER_SERVICE && !shares.allows(user, now)) {
        shed += 1;
        return;
      }
      shares.take(user, 1, now);
      waiting.push(event);
      if (waiting.length >= FLUSH_ITEMS) flush();
    },
    flush,
    get shed() {
      return shed;
    },
  };
}
