import { createHash } from 'node:crypto';
import type {
  ActionOutcome,
  Exclusion,
  Order,
  OrderRefusal,
  PolicyMode,
  RuleTuningScope,
  SignedOrder,
} from '@yagura/protocol';
import { importOrderKey } from '../identity/identity.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { OrderReceipt } from '../uplink/uplink.ts';
import {
  type JournalContent,
  type JournalEntry,
  type OrderJournal,
  openOrderJournal,
  type TuningSet,
  UNFINISHED,
} from './order-journal.ts';
import { type OrderVerdict, verifyOrder } from './verify-order.ts';

/** What people set for this endpoint; it outlives restarts and holds offline (SPEC CM10). */
export interface OrderedSettings {
  /** Absent until a person chose one. */
  readonly policy?: PolicyMode;
  /** 0 until a person set some. */
  readonly exclusionsVersion: number;
  readonly exclusions: readonly Exclusion[];
  /** Rules that people disabled or gave another level (SPEC CM13). */
  readonly tunings: Readonly<Record<RuleTuningScope, TuningSet>>;
}

/** An order that has an effect on the machine, beyond what the desk itself remembers. */
export type EffectOrder = Order & {
  readonly action: Exclude<Order['action'], { kind: 'set-policy' | 'set-exclusions' | 'set-rule-tunings' }>;
};

export interface OrderDeskOptions {
  readonly stateDir: string;
  readonly endpointId: string;
  readonly tenantId: string;
  /** Raw Ed25519 key, base64. */
  readonly orderKey: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Carries an order out; called once per order, one after another. `orderId` is to be the `actionId`. */
  readonly execute: (order: EffectOrder) => Promise<ActionOutcome>;
  /** Spools an outcome. */
  readonly report: (outcome: ActionOutcome) => void;
  /** Called after settings have changed durably. */
  readonly onSettings: (settings: OrderedSettings) => void;
}

export interface OrderDesk {
  /** Verifies, journals, answers; the effect follows. Never rejects (it is the uplink's `OrderHandler`). */
  receive(signed: SignedOrder, consoleNow: number): Promise<OrderReceipt>;
  /**
   * Reports what a former run began (SPEC CM5): its outcome where the journal or `recovered` (the
   * responder's reconciliation) knows it, else `interrupted`. Call once, before the uplink runs.
   */
  reconcile(recovered: readonly ActionOutcome[]): void;
  settings(): OrderedSettings;
  /** The latest `issuedAt` of an accepted order: it is at least this late. */
  issuedFloor(): number;
  /** How late it was when `rememberTime` was last called, in this run or a former one; 0 before. */
  timeSeen(): number;
  /** Keeps the time that settings are judged by, as long as there are settings that end. */
  rememberTime(now: number): void;
  /** Forgets durably what has ended at `now`, which a console must have vouched for (SPEC CM15). */
  forgetEnded(now: number): void;
  /** Resolves when no order is under way. */
  idle(): Promise<void>;
}

export type OrderDeskResult = { ok: true; desk: OrderDesk } | { ok: false; code: 'orders_damaged'; message: string };

export function createOrderDesk(options: OrderDeskOptions): OrderDeskResult {
  const opened = openOrderJournal(options.stateDir, options.endpointId);
  if (!opened.ok) return opened;
  return { ok: true, desk: new JournalledDesk(options, opened.journal) };
}

class JournalledDesk implements OrderDesk {
  readonly #options: OrderDeskOptions;
  readonly #journal: OrderJournal;
  readonly #orderKey: ReturnType<typeof importOrderKey>;
  readonly #effects: Record<Lane, Promise<void>> = { acts: Promise.resolve(), packs: Promise.resolve() };
  #underWay = 0;

  constructor(options: OrderDeskOptions, journal: OrderJournal) {
    this.#options = options;
    this.#journal = journal;
    this.#orderKey = importOrderKey(options.orderKey);
  }

  async receive(signed: SignedOrder, consoleNow: number): Promise<OrderReceipt> {
    if (this.#underWay >= UNFINISHED) await this.idle();
    const { endpointId, tenantId, clock, log } = this.#options;
    const { counter, issuedFloor, entries } = this.#journal.content();
    const now = Math.max(consoleNow, issuedFloor);
    const verdict = verifyOrder({ signed, orderKey: this.#orderKey, endpointId, tenantId, lastCounter: counter, now });
    const digest = createHash('sha256').update(Buffer.from(signed.payload, 'base64')).digest('hex');
    const orderId = verdict.order?.orderId ?? 'unverified';
    if (verdict.order !== undefined && entries.some((entry) => entry.digest === digest)) {
      return { orderId, accepted: true, code: 'already_received' };
    }
    if (!verdict.ok) {
      log.warn({ code: verdict.code, orderId }, 'order refused');
      this.#reportRefusal(verdict);
      return { orderId, accepted: false, code: verdict.code };
    }
    const { order } = verdict;
    const entry: JournalEntry = {
      ...targetOf(order),
      orderId,
      kind: order.action.kind,
      digest,
      state: 'begun',
      startedAt: clock.now(),
    };
    const effect = settle(order, this.#journal.content());
    const accepted = this.#journal.update((content) => ({
      ...content,
      ...effect?.change,
      counter: order.counter,
      issuedFloor: Math.max(content.issuedFloor, order.issuedAt),
      entries: [
        ...content.entries,
        effect === undefined
          ? entry
          : { ...entry, state: 'finished', outcome: this.#outcome(entry, true, effect.code) },
      ],
    }));
    // Nothing was used up: the console may send the order again when the disk has room.
    if (!accepted) return { orderId, accepted: false, code: 'state_unwritable' };
    log.info({ orderId, kind: order.action.kind, approver: order.approver }, 'order accepted');
    if (effect === undefined) this.#carryOut(order as EffectOrder, entry);
    else {
      if (effect.code === 'done') this.#options.onSettings(this.settings());
      this.#reportFinished();
    }
    return { orderId, accepted: true, code: 'accepted' };
  }

  reconcile(recovered: readonly ActionOutcome[]): void {
    const known = new Map(recovered.map((outcome) => [outcome.actionId, outcome]));
    const begun = this.#journal.content().entries.filter((entry) => entry.state === 'begun');
    for (const entry of begun) {
      const outcome = known.get(entry.orderId) ?? this.#outcome(entry, false, 'interrupted');
      this.#finish(entry, outcome);
    }
    this.#reportFinished();
  }

  settings(): OrderedSettings {
    const { policy, exclusions, tunings } = this.#journal.content();
    const settings = { exclusionsVersion: exclusions.version, exclusions: exclusions.list, tunings };
    return policy === undefined ? settings : { ...settings, policy };
  }

  issuedFloor(): number {
    return this.#journal.content().issuedFloor;
  }

  timeSeen(): number {
    return this.#journal.content().seenAt;
  }

  rememberTime(now: number): void {
    if (this.#endingLists().every((list) => list.length === 0)) return;
    // On a full disk the former one stays: it is only a lower bound.
    this.#journal.update((content) => ({ ...content, seenAt: Math.floor(now) }));
  }

  #endingLists(): readonly (readonly { readonly expiresAt: number }[])[] {
    const { exclusions, tunings } = this.#journal.content();
    return [exclusions.list, tunings.endpoint.list, tunings.tenant.list];
  }

  forgetEnded(now: number): void {
    if (!this.#endingLists().some((list) => list.some(({ expiresAt }) => expiresAt <= now))) return;
    const without = <T extends { readonly expiresAt: number }>({ version, list }: { version: number; list: T[] }) => ({
      version,
      list: list.filter(({ expiresAt }) => expiresAt > now),
    });
    const stored = this.#journal.update((content) => ({
      ...content,
      exclusions: without(content.exclusions),
      tunings: { endpoint: without(content.tunings.endpoint), tenant: without(content.tunings.tenant) },
    }));
    // On a full disk it stays for now; it has no effect as long as the time is known.
    if (stored) this.#options.onSettings(this.settings());
  }

  async idle(): Promise<void> {
    await Promise.all(Object.values(this.#effects));
  }

  #carryOut(order: EffectOrder, entry: JournalEntry): void {
    this.#underWay += 1;
    const lane = laneOf(order);
    this.#effects[lane] = this.#effects[lane].then(() => this.#execute(order, entry));
  }

  async #execute(order: EffectOrder, entry: JournalEntry): Promise<void> {
    let outcome: ActionOutcome;
    try {
      outcome = await this.#options.execute(order);
    } catch (error) {
      // A bug in an effect must not end the agent, nor leave the person without an answer.
      this.#options.log.warn({ orderId: order.orderId, error: String(error) }, 'order failed unexpectedly');
      outcome = this.#outcome(entry, false, 'interrupted');
    }
    this.#finish(entry, outcome);
    this.#reportFinished();
    this.#underWay -= 1;
  }

  #finish(entry: JournalEntry, outcome: ActionOutcome): void {
    const own: ActionOutcome = { ...outcome, actionId: entry.orderId, orderId: entry.orderId, origin: 'order' };
    const stored = this.#mark(entry.orderId, { state: 'finished', outcome: own });
    // A full disk: the spool may still take it. After a crash the entry says `begun`, and `interrupted` is
    // reported second, which the console ignores (SPEC CM8).
    if (!stored) this.#options.report(own);
  }

  /** Spools first, then forgets the outcome: a crash in between reports it twice, with one actionId (CM8). */
  #reportFinished(): void {
    for (const { orderId, state, outcome } of this.#journal.content().entries) {
      if (state !== 'finished' || outcome === undefined) continue;
      this.#options.report(outcome);
      this.#mark(orderId, { state: 'reported' });
    }
  }

  #mark(orderId: string, change: Pick<JournalEntry, 'state'> & Partial<Pick<JournalEntry, 'outcome'>>): boolean {
    return this.#journal.update((content) => ({
      ...content,
      entries: content.entries.map((entry) => {
        if (entry.orderId !== orderId) return entry;
        const { outcome: _before, ...rest } = entry;
        return { ...rest, ...change };
      }),
    }));
  }

  #reportRefusal(verdict: Extract<OrderVerdict, { ok: false }>): void {
    if (verdict.order === undefined) return;
    const { orderId, action } = verdict.order;
    const entry = { orderId, kind: action.kind, startedAt: this.#options.clock.now() };
    this.#options.report({ ...this.#outcome(entry, false, 'refused'), detail: verdict.code satisfies OrderRefusal });
  }

  #outcome(
    entry: Pick<JournalEntry, 'orderId' | 'kind' | 'storyId' | 'quarantineId' | 'startedAt'>,
    ok: boolean,
    code: ActionOutcome['code'],
  ): ActionOutcome {
    return {
      actionId: entry.orderId,
      kind: entry.kind,
      origin: 'order',
      orderId: entry.orderId,
      ...(entry.storyId === undefined ? {} : { storyId: entry.storyId }),
      target: entry.quarantineId === undefined ? {} : { quarantineId: entry.quarantineId },
      ok,
      code,
      startedAt: entry.startedAt,
      endedAt: this.#options.clock.now(),
    };
  }
}

/** Orders of one lane are carried out one after another: a slow download must not hold up containment (CM11). */
type Lane = 'acts' | 'packs';

function laneOf({ action }: EffectOrder): Lane {
  return action.kind === 'set-rule-pack' || action.kind === 'clear-rule-pack' ? 'packs' : 'acts';
}

function targetOf({ action }: Order): Pick<JournalEntry, 'storyId' | 'quarantineId'> {
  if ('storyId' in action) return { storyId: action.storyId };
  return 'quarantineId' in action ? { quarantineId: action.quarantineId } : {};
}

interface Settled {
  readonly change: Partial<Pick<JournalContent, 'policy' | 'exclusions' | 'tunings'>>;
  readonly code: 'done' | 'already_done';
}

/** Settings take effect by being journalled, in the same write as the counter. Undefined for other orders. */
function settle({ action }: Order, content: JournalContent): Settled | undefined {
  switch (action.kind) {
    case 'set-policy':
      if (action.mode === content.policy) return { change: {}, code: 'already_done' };
      return { change: { policy: action.mode }, code: 'done' };
    case 'set-exclusions':
      if (action.version <= content.exclusions.version) return { change: {}, code: 'already_done' };
      return { change: { exclusions: { version: action.version, list: action.exclusions } }, code: 'done' };
    case 'set-rule-tunings': {
      const { scope, version, tunings } = action;
      if (version <= content.tunings[scope].version) return { change: {}, code: 'already_done' };
      return { change: { tunings: { ...content.tunings, [scope]: { version, list: tunings } } }, code: 'done' };
    }
    default:
      return undefined;
  }
}
