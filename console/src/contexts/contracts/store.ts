import type { Kysely } from 'kysely';
import type { EndpointsTable, SeatsTable, Tables } from '../../store/schema.ts';
import type { NamedSeat } from './domain/find-replaced.ts';

export interface StoredSeat extends NamedSeat {
  readonly endpointId: string;
}

/** Every seat that a tenant ever took, oldest first, with its endpoint's present names. */
export async function readSeats(db: Kysely<Tables>, tenantId: string): Promise<StoredSeat[]> {
  const rows = await db
    .selectFrom('seats')
    .innerJoin('endpoints', (join) =>
      join
        .onRef('endpoints.tenant_id', '=', 'seats.tenant_id')
        .onRef('endpoints.endpoint_id', '=', 'seats.endpoint_id'),
    )
    .select([
      'seats.seat_id',
      'seats.endpoint_id',
      'seats.started_at',
      'seats.ended_at',
      'seats.replaces_seat_id',
      'endpoints.display_name',
      'endpoints.hostname',
    ])
    .where('seats.tenant_id', '=', tenantId)
    .orderBy('seats.started_at')
    .orderBy('seats.seat_id')
    .execute();
  return rows.map(toStoredSeat);
}

function toStoredSeat(
  row: Omit<SeatsTable, 'tenant_id'> & Pick<EndpointsTable, 'display_name' | 'hostname'>,
): StoredSeat {
  return {
    seatId: row.seat_id,
    endpointId: row.endpoint_id,
    displayName: row.display_name,
    hostname: row.hostname,
    startedAt: row.started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.replaces_seat_id === null ? {} : { replacesSeatId: row.replaces_seat_id }),
  };
}
