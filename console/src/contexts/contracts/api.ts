import type { SeatRow, SubscriptionMonth } from '../../api/fleet.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Tx } from '../../store/store.ts';
import type { Actor } from '../identity/api.ts';

/** Seats: an enrolled endpoint takes one at ¥2,000 a month, without tax. */
export interface Contracts {
  /** Called in the transaction that enrols; a seat of a replaced PC is continued. */
  startSeat(tx: Tx, seat: { tenantId: string; endpointId: string; at: number }): Promise<void>;
  /** Called in the transaction that revokes. */
  endSeatOf(tx: Tx, seat: { tenantId: string; endpointId: string; at: number }): Promise<void>;
  /** Start of the endpoint's seat that has not ended. */
  seatStartedAt(tenantId: string, endpointId: string): Promise<number | undefined>;
  /** A month such as `2026-11` in Japan's time zone; this month when absent. */
  month(tenantId: string, month: string | undefined): Promise<SubscriptionMonth>;
  /** Ends a seat and with it the protection of its endpoint. */
  endSeat(actor: Actor, seatId: string): Promise<Result<SeatRow>>;
}
