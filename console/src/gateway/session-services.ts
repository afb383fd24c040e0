import type { Fleet, Origin } from '../contexts/fleet/api.ts';
import type { Ingest } from '../contexts/ingest/api.ts';
import type { Response } from '../contexts/response/api.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Intake } from './intake.ts';
import type { GatewayLimits } from './limits.ts';
import type { Sessions } from './sessions.ts';

/** What one session needs of the gateway around it. */
export interface SessionServices {
  readonly clock: Clock;
  /** Milliseconds that only ever rise, whatever the wall clock does. */
  readonly monotonic: () => number;
  readonly consoleVersion: string;
  readonly limits: GatewayLimits;
  readonly fleet: Pick<Fleet, 'sessionOpened' | 'sessionClosed'>;
  readonly response: Pick<Response, 'waitingOrders' | 'ordersSent' | 'orderReceived'>;
  readonly ingest: Pick<Ingest, 'submit'>;
  readonly intake: Intake;
  readonly sessions: Sessions;
  /** A new certificate for this identity, or nothing when there is none to be had now (SPEC EN9). */
  readonly renew: (origin: Origin, csr: string) => Promise<{ certificate: string; ca: string } | undefined>;
  readonly log: Log;
}
