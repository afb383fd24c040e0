import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ActionOutcome,
  Batch,
  type ConsoleFrame,
  decodeBatchFrame,
  type Item,
  ItemBody,
  type Order,
  type SignedOrder,
} from '@yagura/protocol';
import { createOrderDesk, type OrderDesk } from '../../endpoint-agent/src/orders/order-desk.ts';
import type { Random } from '../../endpoint-agent/src/platform/random.ts';
import { createSpool } from '../../endpoint-agent/src/spool/create-spool.ts';
import type { Spool } from '../../endpoint-agent/src/spool/spool.ts';
import { type BatchWindow, createBatchWindow } from '../../endpoint-agent/src/uplink/batch-window.ts';
import { zstd } from '../../endpoint-agent/src/uplink/compression.ts';
import { createTestOrderKey, type TestOrderKey } from './certificates.ts';
import { EPOCH_TIME, eventItem, healthItem, storyItem } from './items.ts';
import { type ManualClock, manualClock, seededRandom } from './time.ts';

type Answer = Extract<ConsoleFrame, { type: 'ack' | 'nack' }>;
type Down =
  | { readonly type: 'answer'; readonly answer: Answer }
  | { readonly type: 'order'; readonly order: SignedOrder };

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const DAY = 86_400_000;
/** Small, so that a backlog takes several batches and the window fills. */
const BATCH_LIMIT = { items: 9, bytes: 8_000 };

export interface SimulationReport {
  readonly violations: readonly string[];
  readonly crashes: number;
  readonly cuts: number;
  readonly committed: number;
  readonly duplicates: number;
  readonly ordersCarriedOut: number;
}

/**
 * Spool, batch window, ingest and orders in one process on a clock, a network and a chance of its own
 * (DESIGN section 4). The network cuts at any frame; the agent and the console crash at any step; the
 * endpoint's clock jumps by days. The same seed gives the same run.
 */
export class DeliverySimulation {
  readonly #random: Random;
  readonly #clock: ManualClock = manualClock();
  readonly #dir: string;
  readonly #key: TestOrderKey = createTestOrderKey();
  #spool: Spool;
  #desk: OrderDesk;
  #window: BatchWindow | undefined;
  #effects: (() => void)[] = [];
  #up: Uint8Array[] = [];
  #down: Down[] = [];
  /** The console's database: what is in here survives its crashes. */
  readonly #committed = new Map<string, string>();
  readonly #outcomes = new Map<string, ActionOutcome>();
  readonly #issued: SignedOrder[] = [];
  readonly #carriedOut = new Map<string, number>();
  readonly #expected = new Map<string, string>();
  readonly #latestRevision = new Map<string, { key: string; revision: number }>();
  readonly #violations: string[] = [];
  #stories = 0;
  #counts = { crashes: 0, cuts: 0, duplicates: 0 };

  constructor(dir: string, seed: number) {
    this.#dir = dir;
    this.#random = seededRandom(seed);
    this.#spool = this.#openSpool();
    this.#desk = this.#openDesk();
  }

  async run(steps: number): Promise<SimulationReport> {
    for (let step = 0; step < steps; step += 1) await this.#step();
    await this.#heal();
    this.#spool[Symbol.dispose]();
    rmSync(this.#dir, { recursive: true, force: true });
    this.#judge();
    return {
      violations: this.#violations,
      ...this.#counts,
      committed: this.#committed.size,
      ordersCarriedOut: this.#carriedOut.size,
    };
  }

  async #step(): Promise<void> {
    const chance = this.#random.fraction();
    this.#clock.advance(this.#random.fraction() * 2_000);
    if (chance < 0.3) this.#append();
    else if (chance < 0.5) this.#pump();
    else if (chance < 0.68) this.#consoleReads();
    else if (chance < 0.84) await this.#agentReads();
    else if (chance < 0.9) this.#cut();
    else if (chance < 0.93) this.#crashAgent();
    else if (chance < 0.95) this.#clock.jump((this.#random.fraction() - 0.5) * 4 * DAY);
    else if (chance < 0.97) this.#issueOrder();
    else if (chance < 0.985) await this.#finishEffects();
    else this.#resendOrder();
  }

  #append(): void {
    const bodies: ItemBody[] = [];
    const size = 1 + Math.floor(this.#random.fraction() * 12);
    for (let index = 0; index < size; index += 1) {
      const kind = this.#random.fraction();
      if (kind < 0.15 && this.#stories > 0) {
        const story = `s-${Math.floor(this.#random.fraction() * this.#stories)}`;
        bodies.push(storyItem(story, (this.#latestRevision.get(story)?.revision ?? 0) + 1));
        this.#latestRevision.set(story, { key: '', revision: (this.#latestRevision.get(story)?.revision ?? 0) + 1 });
      } else if (kind < 0.3) {
        bodies.push(storyItem(`s-${this.#stories}`, 1));
        this.#latestRevision.set(`s-${this.#stories}`, { key: '', revision: 1 });
        this.#stories += 1;
      } else if (kind < 0.4) bodies.push(healthItem(this.#clock.now()));
      else bodies.push(eventItem(Math.floor(this.#random.fraction() * 1e6)));
    }
    for (const item of this.#spool.append(bodies)) this.#expect(item);
  }

  #expect(item: Item): void {
    const key = `${this.#spool.status().epoch}/${item.sequence}`;
    if (this.#expected.has(key)) this.#violations.push(`sequence ${key} was given out twice`);
    // Parsed, so that the order of its keys is the one in which the console has it.
    this.#expected.set(key, JSON.stringify(ItemBody.parse(item.body)));
    if (item.body.type === 'story') {
      const { storyId, revision } = item.body.story;
      this.#latestRevision.set(storyId, { key, revision });
    }
  }

  /** A session begins when there is none; then whatever fits the window leaves. */
  #pump(): void {
    const counts = { sent: 0, acknowledged: 0, setAside: 0 };
    this.#window ??= createBatchWindow(this.#spool, this.#spool.status().epoch, this.#clock, counts, BATCH_LIMIT);
    this.#window.fill((frame) => this.#up.push(frame));
  }

  #consoleReads(): void {
    const frame = this.#up.shift();
    if (frame === undefined) return;
    const raw = decodeBatchFrame(frame, zstd);
    const batch = Batch.parse(raw.ok ? raw.value : undefined);
    const chance = this.#random.fraction();
    if (chance < 0.08) return this.#cut();
    if (chance < 0.16) {
      const answer = { type: 'nack', batchId: batch.batchId, code: 'store_unavailable', message: 'later' } as const;
      return void this.#down.push({ type: 'answer', answer: { ...answer, retryAfterMs: 500 } });
    }
    for (const item of batch.items) this.#commit(`${batch.epoch}/${item.sequence}`, item);
    // Committed, and then the console dies or the line is cut: the ack never leaves.
    if (chance < 0.26) return this.#cut();
    const ranges = batch.items.map((item): [number, number] => [item.sequence, item.sequence]);
    this.#down.push({ type: 'answer', answer: { type: 'ack', batchId: batch.batchId, epoch: batch.epoch, ranges } });
  }

  #commit(key: string, item: Item): void {
    const body = JSON.stringify(item.body);
    const present = this.#committed.get(key);
    if (present === undefined) {
      this.#committed.set(key, body);
      if (item.body.type === 'outcome' && !this.#outcomes.has(item.body.outcome.actionId)) {
        this.#outcomes.set(item.body.outcome.actionId, item.body.outcome);
      }
    } else if (present === body) this.#counts.duplicates += 1;
    else this.#violations.push(`${key} came with two contents`);
  }

  async #agentReads(): Promise<void> {
    const frame = this.#down.shift();
    if (frame === undefined) return;
    if (frame.type === 'answer') {
      if (this.#window?.answer(frame.answer) !== true) this.#violations.push('an answer to no batch');
      return;
    }
    await this.#desk.receive(frame.order, EPOCH_TIME + this.#clock.monotonic());
  }

  /** Orders are carried out one after another: each end lets the next begin. */
  async #finishEffects(): Promise<void> {
    const progress = { idle: false };
    const ended = this.#desk.idle().then(() => (progress.idle = true));
    while (!progress.idle) {
      for (const finish of this.#effects.splice(0)) finish();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
  }

  #cut(): void {
    this.#counts.cuts += 1;
    this.#window = undefined;
    this.#up = [];
    this.#down = [];
  }

  #crashAgent(): void {
    this.#counts.crashes += 1;
    this.#cut();
    // An effect that had begun happened or not; the process that waited for it is gone.
    this.#effects = [];
    this.#spool[Symbol.dispose]();
    this.#spool = this.#openSpool();
    this.#desk = this.#openDesk();
    this.#desk.reconcile([]);
  }

  #issueOrder(): void {
    const now = Math.floor(EPOCH_TIME + this.#clock.monotonic());
    const counter = this.#issued.length + 1;
    const order: Order = {
      orderId: `order-${counter}`,
      tenantId: 'tenant-1',
      endpointId: 'endpoint-1',
      counter,
      issuedAt: now,
      expiresAt: now + DAY,
      approver: 'user-1',
      action: { kind: 'contain-story', storyId: `s-${counter}` },
    };
    this.#issued.push(this.#key.sign(order));
    this.#resendOrder();
  }

  /** Sends the newest order, or replays an old one as an attacker or a confused console would. */
  #resendOrder(): void {
    const replay = this.#random.fraction() < 0.3;
    const order = replay
      ? this.#issued[Math.floor(this.#random.fraction() * this.#issued.length)]
      : this.#issued.at(-1);
    if (order !== undefined) this.#down.push({ type: 'order', order });
  }

  /** No more faults: everything that can arrive does. */
  async #heal(): Promise<void> {
    this.#cut();
    await this.#finishEffects();
    for (let round = 0; round < 10_000; round += 1) {
      const { pending } = this.#spool.status();
      if (pending.alerts + pending.detail + pending.telemetry === 0) return;
      this.#clock.advance(1_000);
      this.#pump();
      for (const frame of this.#up.splice(0)) {
        const raw = decodeBatchFrame(frame, zstd);
        const batch = Batch.parse(raw.ok ? raw.value : undefined);
        for (const item of batch.items) this.#commit(`${batch.epoch}/${item.sequence}`, item);
        const ranges = batch.items.map((item): [number, number] => [item.sequence, item.sequence]);
        this.#window?.answer({ type: 'ack', batchId: batch.batchId, epoch: batch.epoch, ranges });
      }
    }
    this.#violations.push('the spool never became empty');
  }

  #judge(): void {
    const latest = new Set([...this.#latestRevision.values()].map(({ key }) => key));
    for (const [key, body] of this.#expected) {
      const arrived = this.#committed.get(key);
      if (arrived !== undefined && arrived !== body) this.#violations.push(`${key} arrived changed`);
      const parsed = ItemBody.parse(JSON.parse(body));
      // Older revisions and older health may have been replaced on the way (SP6).
      const mayBeReplaced = parsed.type === 'health' || (parsed.type === 'story' && !latest.has(key));
      if (arrived === undefined && !mayBeReplaced) this.#violations.push(`${key} (${parsed.type}) was lost`);
    }
    for (const [orderId, times] of this.#carriedOut) {
      if (times > 1) this.#violations.push(`${orderId} was carried out ${times} times`);
      if (!this.#outcomes.has(orderId)) this.#violations.push(`${orderId} was carried out and never reported`);
    }
  }

  #openSpool(): Spool {
    return createSpool({
      dir: join(this.#dir, 'spool'),
      clock: this.#clock,
      random: this.#random,
      limits: { ballastBytes: 0 },
    });
  }

  #openDesk(): OrderDesk {
    const result = createOrderDesk({
      stateDir: this.#dir,
      endpointId: 'endpoint-1',
      tenantId: 'tenant-1',
      orderKey: this.#key.raw,
      clock: this.#clock,
      log,
      execute: async (order) => {
        this.#carriedOut.set(order.orderId, (this.#carriedOut.get(order.orderId) ?? 0) + 1);
        const startedAt = this.#clock.now();
        await new Promise<void>((resolve) => this.#effects.push(resolve));
        const done = { actionId: order.orderId, kind: order.action.kind, origin: 'order', target: {} } as const;
        return { ...done, ok: true, code: 'done', startedAt, endedAt: this.#clock.now() };
      },
      report: (outcome) => {
        for (const item of this.#spool.append([{ type: 'outcome', outcome }])) this.#expect(item);
      },
      onSettings: () => undefined,
    });
    if (!result.ok) throw new Error(result.message);
    return result.desk;
  }
}
