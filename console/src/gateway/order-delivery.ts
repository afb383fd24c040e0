import type { SignedOrder } from '@yagura/protocol';
import type { Origin } from '../contexts/fleet/api.ts';
import type { Response } from '../contexts/response/api.ts';
import type { Log } from '../platform/log.ts';

export interface OrderDeliveryOptions {
  readonly origin: Origin;
  readonly response: Pick<Response, 'waitingOrders' | 'ordersSent' | 'orderReceived'>;
  /** Returns false once the session is closed. */
  readonly send: (order: SignedOrder) => boolean;
  readonly answerTimeoutMs: number;
  readonly log: Log;
}

const UNVERIFIED = 'unverified';
/** After a failure of the database. */
const RETRY_MS = 5_000;

/**
 * Sends one session's orders one at a time, by rising counter, each after the answer to the one before
 * (SPEC CM4): an agent that took a later counter first would have to refuse the earlier one.
 */
export class OrderDelivery {
  readonly #options: OrderDeliveryOptions;
  #inFlight: { readonly orderId: string; readonly timer: NodeJS.Timeout } | undefined;
  #retry: NodeJS.Timeout | undefined;
  #looking = false;
  #lookAgain = false;
  #stopped = false;

  constructor(options: OrderDeliveryOptions) {
    this.#options = options;
  }

  /** Call at the session's start and whenever an order may wait; safe to call at any time. */
  poke(): void {
    if (this.#looking) this.#lookAgain = true;
    else if (this.#inFlight === undefined) void this.#look();
  }

  /**
   * The agent's `order-received`. One whose signature did not hold is answered without its id (SPEC CM7):
   * it is the one that is under way. One that the agent could not journal stays under way until it is sent
   * again.
   */
  async received(named: string, accepted: boolean, code: string): Promise<void> {
    const { response, origin } = this.#options;
    const orderId = named === UNVERIFIED ? this.#inFlight?.orderId : named;
    if (orderId === undefined) return;
    await response.orderReceived(origin, orderId, accepted, code);
    if (this.#inFlight?.orderId !== orderId || code === 'state_unwritable') return;
    this.#clear();
    this.poke();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#clear();
  }

  async #look(): Promise<void> {
    const { response, origin, send, answerTimeoutMs, log } = this.#options;
    this.#looking = true;
    try {
      do {
        this.#lookAgain = false;
        const next = (await response.waitingOrders(origin))[0];
        if (this.#stopped || next === undefined) continue;
        if (!send(next.order)) return;
        const timer = setTimeout(() => {
          this.#inFlight = undefined;
          this.poke();
        }, answerTimeoutMs);
        this.#inFlight = { orderId: next.orderId, timer: timer.unref() };
        await response.ordersSent(origin, [next.orderId]);
      } while (this.#lookAgain && this.#inFlight === undefined && !this.#stopped);
    } catch (error) {
      log.warn({ err: error, ...origin }, 'orders could not be delivered; trying again');
      if (!this.#stopped) this.#retry = setTimeout(() => this.poke(), RETRY_MS).unref();
    } finally {
      this.#looking = false;
    }
    if (this.#lookAgain && this.#inFlight === undefined && !this.#stopped) this.poke();
  }

  #clear(): void {
    clearTimeout(this.#inFlight?.timer);
    this.#inFlight = undefined;
  }
}
