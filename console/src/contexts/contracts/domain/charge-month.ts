import { monthRange } from './month.ts';

/** Yen for each seat and month, without tax. */
export const PRICE_PER_SEAT_YEN = 2_000;

export interface Seat {
  readonly seatId: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** The seat that this one continues because a PC was replaced. */
  readonly replacesSeatId?: string;
}

export interface SeatCharge<S extends Seat> {
  readonly seat: S;
  readonly amountYen: number;
}

export interface MonthCharge<S extends Seat> {
  readonly seats: readonly SeatCharge<S>[];
  readonly totalYen: number;
}

/**
 * What a month costs. A seat that was taken at any moment of the month is charged once and whole; seats that
 * continue each other are one seat, charged at the last of them, so that replacing a PC never costs twice.
 * Only seats of the month are listed, in the order given.
 */
export function chargeMonth<S extends Seat>(seats: readonly S[], month: string): MonthCharge<S> {
  const { from, to } = monthRange(month);
  const byId = new Map(seats.map((seat) => [seat.seatId, seat]));
  const active = seats.filter((seat) => seat.startedAt < to && (seat.endedAt === undefined || seat.endedAt > from));
  const charged = new Map<string, S>();
  for (const seat of active) {
    const origin = originOf(seat, byId);
    const rival = charged.get(origin);
    if (!rival || isLater(seat, rival)) charged.set(origin, seat);
  }
  const payers = new Set([...charged.values()].map((seat) => seat.seatId));
  const charges = active.map((seat) => ({ seat, amountYen: payers.has(seat.seatId) ? PRICE_PER_SEAT_YEN : 0 }));
  return { seats: charges, totalYen: payers.size * PRICE_PER_SEAT_YEN };
}

/** The first seat of the chain that a seat continues. A circle, which nothing should make, ends at its start. */
function originOf(seat: Seat, byId: ReadonlyMap<string, Seat>): string {
  const seen = new Set<string>();
  let current = seat;
  while (current.replacesSeatId !== undefined && !seen.has(current.seatId)) {
    seen.add(current.seatId);
    const before = byId.get(current.replacesSeatId);
    if (!before) return current.replacesSeatId;
    current = before;
  }
  return seen.has(current.seatId) ? ([...seen].sort()[0] ?? current.seatId) : current.seatId;
}

function isLater(a: Seat, b: Seat): boolean {
  return a.startedAt !== b.startedAt ? a.startedAt > b.startedAt : a.seatId > b.seatId;
}
