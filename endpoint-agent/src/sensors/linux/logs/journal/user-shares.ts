import { Pace } from '../pace.ts';

const USER_PER_SECOND = 500;
const USER_BURST = 5_000;
const ROOT_PER_SECOND = 3_000;
const ROOT_BURST = 20_000;
const MAX_USERS = 1_024;

/**
 * Each user's share of the lines that are looked at, so that one user who floods the journal cannot keep the
 * lines of others (and of the system) waiting. Kernel and unknown writers count as root.
 */
export function createUserShares(monotonic: () => number): { mayPass(uid: number | undefined): boolean } {
  const shares = new Map<number, Pace>();
  return {
    mayPass(uid = 0) {
      let share = shares.get(uid);
      if (share === undefined) {
        // Forgetting all forgives a debt; it takes a thousand users to get there.
        if (shares.size >= MAX_USERS) shares.clear();
        share =
          uid === 0
            ? new Pace({ perSecond: ROOT_PER_SECOND, burst: ROOT_BURST, monotonic })
            : new Pace({ perSecond: USER_PER_SECOND, burst: USER_BURST, monotonic });
        shares.set(uid, share);
      }
      if (share.available === 0) return false;
      share.take(1);
      return true;
    },
  };
}
