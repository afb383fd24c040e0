import { monthOf } from './month.ts';

/** A seat together with the names of its endpoint. */
export interface NamedSeat {
  readonly seatId: string;
  readonly displayName: string;
  readonly hostname: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly replacesSeatId?: string;
}

/**
 * The seat that a new endpoint continues: the one that ended last among those with the same host name or
 * display name that nothing continues yet.
 */
export function findReplaced(
  seats: readonly NamedSeat[],
  names: { readonly displayName: string; readonly hostname: string },
): NamedSeat | undefined {
  const continued = new Set(seats.map((seat) => seat.replacesSeatId));
  const wanted = new Set([comparable(names.displayName), comparable(names.hostname)]);
  return seats
    .filter((seat) => seat.endedAt !== undefined && !continued.has(seat.seatId) && sharesName(seat, wanted))
    .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))[0];
}

/**
 * The seat that continues one which ends at `at`, when the new PC was enrolled before the old one was revoked:
 * the first with the same name that began after it, in the same month, and continues nothing yet. (A seat that
 * began in an earlier month was a second PC with the same name, and that month was rightly charged twice.)
 */
export function findSuccessor(seats: readonly NamedSeat[], ending: NamedSeat, at: number): NamedSeat | undefined {
  if (seats.some((seat) => seat.replacesSeatId === ending.seatId)) return undefined;
  const wanted = new Set([comparable(ending.displayName), comparable(ending.hostname)]);
  return seats
    .filter(
      (seat) =>
        seat.seatId !== ending.seatId &&
        seat.replacesSeatId === undefined &&
        seat.startedAt >= ending.startedAt &&
        monthOf(seat.startedAt) === monthOf(at) &&
        sharesName(seat, wanted),
    )
    .sort((a, b) => a.startedAt - b.startedAt)[0];
}

function sharesName(seat: NamedSeat, wanted: ReadonlySet<string>): boolean {
  return wanted.has(comparable(seat.displayName)) || wanted.has(comparable(seat.hostname));
}

/** Full-width letters and case make no difference to the person who names PCs. */
function comparable(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}
