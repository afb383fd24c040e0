import type { EnrolmentTokenRow } from '../../../api/fleet.ts';
import type { TokenRefusal } from '../api.ts';

export interface TokenTimes {
  readonly expiresAt: number;
  readonly usedAt?: number;
  readonly withdrawnAt?: number;
}

export function tokenState(token: TokenTimes, now: number): EnrolmentTokenRow['state'] {
  if (token.usedAt !== undefined) return 'used';
  if (token.withdrawnAt !== undefined) return 'withdrawn';
  return token.expiresAt <= now ? 'expired' : 'open';
}

/** What an agent is told; a withdrawn token is to it as if it had never been. */
export const TOKEN_REFUSAL = {
  open: undefined,
  used: 'token_used',
  expired: 'token_expired',
  withdrawn: 'token_unknown',
} as const satisfies Record<EnrolmentTokenRow['state'], TokenRefusal | undefined>;
