import type { SeatRow } from '../../api/fleet.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import { fail, succeed } from '../../platform/http-errors.ts';
import { newId, type Random } from '../../platform/random.ts';
import type { Store, Tx } from '../../store/store.ts';
import type { Audit } from '../audit/api.ts';
import type { Actor } from '../identity/api.ts';
import type { Contracts } from './api.ts';
import { chargeMonth, PRICE_PER_SEAT_YEN } from './domain/charge-month.ts';
import { findReplaced, findSuccessor } from './domain/find-replaced.ts';
import { monthOf } from './domain/month.ts';
import { readSeats } from './store.ts';

export interface ContractsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly audit: Audit;
  /** Revokes the endpoint of a seat, which ends the seat through `endSeatOf`. */
  readonly revokeEndpoint: (tx: Tx, actor: Actor, endpointId: string) => Promise<boolean>;
}

export function createContracts(options: ContractsOptions): Contracts {
  const { store, clock, random, bus, audit } = options;

  const changed = (tx: Tx, tenantId: string) =>
    tx.afterCommit(() => bus.publish({ type: 'changed', tenantId, topic: 'subscriptions' }));

  const charged = async (tenantId: string, month: string) => chargeMonth(await readSeats(store.read, tenantId), month);

  return {
    async startSeat(tx, { tenantId, endpointId, at }) {
      const seats = await readSeats(tx.db, tenantId);
      if (seats.some((seat) => seat.endpointId === endpointId && seat.endedAt === undefined)) return;
      const endpoint = await tx.db
        .selectFrom('endpoints')
        .select(['display_name', 'hostname'])
        .where('tenant_id', '=', tenantId)
        .where('endpoint_id', '=', endpointId)
        .executeTakeFirstOrThrow();
      const replaced = findReplaced(seats, { displayName: endpoint.display_name, hostname: endpoint.hostname });
      await tx.db
        .insertInto('seats')
        .values({
          tenant_id: tenantId,
          seat_id: newId(random, 'seat'),
          endpoint_id: endpointId,
          started_at: at,
          ended_at: null,
          replaces_seat_id: replaced?.seatId ?? null,
        })
        .execute();
      changed(tx, tenantId);
    },

    async endSeatOf(tx, { tenantId, endpointId, at }) {
      const seats = await readSeats(tx.db, tenantId);
      const ending = seats.find((seat) => seat.endpointId === endpointId && seat.endedAt === undefined);
      if (!ending) return;
      await tx.db
        .updateTable('seats')
        .set({ ended_at: at })
        .where('tenant_id', '=', tenantId)
        .where('seat_id', '=', ending.seatId)
        .execute();
      const successor = findSuccessor(seats, ending, at);
      if (successor) {
        await tx.db
          .updateTable('seats')
          .set({ replaces_seat_id: ending.seatId })
          .where('tenant_id', '=', tenantId)
          .where('seat_id', '=', successor.seatId)
          .execute();
      }
      changed(tx, tenantId);
    },

    async seatStartedAt(tenantId, endpointId) {
      const row = await store.read
        .selectFrom('seats')
        .select('started_at')
        .where('tenant_id', '=', tenantId)
        .where('endpoint_id', '=', endpointId)
        .where('ended_at', 'is', null)
        .executeTakeFirst();
      return row?.started_at;
    },

    async month(tenantId, month = monthOf(clock.now())) {
      const charge = await charged(tenantId, month);
      return {
        month,
        pricePerSeatYen: PRICE_PER_SEAT_YEN,
        seats: charge.seats.map(({ seat, amountYen }) => toRow(seat, amountYen)),
        totalYen: charge.totalYen,
      };
    },

    async endSeat(actor, seatId) {
      const outcome = await store.write(async (tx) => {
        const seats = await readSeats(tx.db, actor.tenantId);
        const seat = seats.find((candidate) => candidate.seatId === seatId);
        if (!seat) return 'not_found' as const;
        if (seat.endedAt !== undefined) return 'already_ended' as const;
        await audit.record(tx, {
          tenantId: actor.tenantId,
          actor: actor.name,
          action: 'seat.end',
          target: seatId,
          detail: seat.endpointId,
        });
        await options.revokeEndpoint(tx, actor, seat.endpointId);
        await this.endSeatOf(tx, { tenantId: actor.tenantId, endpointId: seat.endpointId, at: clock.now() });
        return 'ended' as const;
      });
      if (outcome !== 'ended') return fail(outcome);
      const charge = await charged(actor.tenantId, monthOf(clock.now()));
      const ended = charge.seats.find(({ seat }) => seat.seatId === seatId);
      return ended ? succeed(toRow(ended.seat, ended.amountYen)) : fail('not_found');
    },
  };
}

function toRow(seat: Awaited<ReturnType<typeof readSeats>>[number], amountYen: number): SeatRow {
  return {
    seatId: seat.seatId,
    endpointId: seat.endpointId,
    displayName: seat.displayName,
    hostname: seat.hostname,
    startedAt: seat.startedAt,
    ...(seat.endedAt === undefined ? {} : { endedAt: seat.endedAt }),
    amountYen,
  };
}
