import type { Event } from '@yagura/protocol';
import { createMultiRowInsert } from '../../store/multi-row-insert.ts';
import type { Tx } from '../../store/store.ts';
import type { Origin } from '../fleet/api.ts';

export interface TelemetryRow {
  readonly origin: Origin;
  readonly epoch: string;
  readonly sequence: number;
  readonly receivedAt: number;
  readonly event: Event;
}

const insert = createMultiRowInsert({
  table: 'events',
  columns: [
    'tenant_id',
    'endpoint_id',
    'epoch',
    'sequence',
    'event_id',
    'time',
    'received_at',
    'category',
    'entity_id',
    'event_json',
  ],
  onConflict: 'ON CONFLICT DO NOTHING',
});

/** Enters events; a row that is there already stays as it is. */
export async function insertTelemetry(tx: Tx, rows: readonly TelemetryRow[]): Promise<void> {
  await insert(
    tx,
    rows.map(({ origin, epoch, sequence, receivedAt, event }) => [
      origin.tenantId,
      origin.endpointId,
      epoch,
      sequence,
      event.eventId,
      event.time,
      receivedAt,
      event.logsource.category ?? null,
      event.entityId ?? null,
      JSON.stringify(event),
    ]),
  );
}
