import { connect } from 'node:tls';
import {
  ConsoleFrame,
  encodeBatch,
  GATEWAY_SERVER_NAME,
  type Item,
  LIMITS,
  SESSION,
  UPLINK_PATH,
} from '@yagura/protocol';
import { WebSocket } from 'ws';
import { zstd } from '../gateway/zstd.ts';
import { type SimulatedIdentity, SimulationError } from './enrolment.ts';
import { batchFrom, simulatedEvent, simulatedHealth } from './workload.ts';

export interface SimulatedEndpointOptions {
  readonly gateway: URL;
  readonly ca: string;
  readonly identity: SimulatedIdentity;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** From 0 to 1: spreads the endpoints' batches over time, as those of real ones are. */
  readonly phase: number;
  /** Told how long each batch took from sending to its acknowledgement. */
  readonly onAcknowledged: (items: number, latencyMs: number) => void;
  readonly onProblem: (code: string) => void;
}

/** Events of one frame: enough to compress well, few enough to stay far below the frame's limit. */
const BATCH_EVENTS = 250;
/** Events that may wait for a place in the window of unanswered batches; what comes beyond is not made. */
const MAX_DUE = 1_000;
/** A smaller batch is sent when its oldest event has waited this long. */
const BATCH_AGE_MS = 1_000;

/** One endpoint over real mutual TLS: says hello, sends events as they become due, waits for acks. */
export class SimulatedEndpoint {
  readonly #options: SimulatedEndpointOptions;
  readonly #socket: WebSocket;
  readonly #epoch: string;
  readonly #unanswered = new Map<number, { readonly items: readonly Item[]; readonly sentAt: number }>();
  readonly #repeat: Item[][] = [];
  #lastBatch = 0;
  #sequence = 0;
  #due = 0;
  #dueSince: number | undefined;
  #batchAgeMs: number;
  #open = false;

  constructor(options: SimulatedEndpointOptions) {
    this.#options = options;
    this.#batchAgeMs = BATCH_AGE_MS * options.phase;
    const { gateway, ca, identity } = options;
    this.#epoch = `sim-${options.now()}`;
    this.#socket = new WebSocket(`wss://${gateway.host}${UPLINK_PATH}`, {
      perMessageDeflate: false,
      maxPayload: LIMITS.frameBytes,
      createConnection: () =>
        connect({
          host: gateway.hostname,
          port: Number(gateway.port || 443),
          ca,
          key: identity.key,
          cert: identity.certificate,
          servername: GATEWAY_SERVER_NAME,
        }),
    });
  }

  /** Events without acknowledgement, those included that were not sent yet. */
  get outstanding(): number {
    let items = this.#due;
    for (const batch of this.#unanswered.values()) items += batch.items.length;
    for (const batch of this.#repeat) items += batch.length;
    return items;
  }

  /** Resolves when the console has welcomed this endpoint. */
  async open(hostname: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (code: string): void => reject(new SimulationError(code, `session refused: ${code}`));
      this.#socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      this.#socket.on('close', (_code, reason) => {
        this.#open = false;
        fail(String(reason));
        if (reason.length > 0) this.#options.onProblem(String(reason));
      });
      this.#socket.on('message', (data: Buffer) => {
        const frame = ConsoleFrame.parse(JSON.parse(data.toString('utf8')));
        if (frame.type === 'welcome') {
          this.#open = true;
          resolve();
        } else if (frame.type === 'refused') fail(frame.code);
        else this.#onFrame(frame);
      });
      this.#socket.on('open', () => {
        this.#socket.send(
          JSON.stringify({
            type: 'hello',
            protocol: { min: 1, max: 1 },
            agentVersion: 'simulated',
            platform: 'linux',
            hostname,
            epoch: this.#epoch,
            lastSequence: 0,
            time: this.#options.now(),
          }),
        );
      });
    });
    this.#sendItems([
      {
        sequence: this.#nextSequence(),
        spooledAt: this.#options.now(),
        body: { type: 'health', health: simulatedHealth(this.#options.now()) },
      },
    ]);
  }

  /** Makes up to `events` more events due, sends what is worth a frame, and says how many it made. */
  produce(events: number): number {
    const made = Math.min(events, MAX_DUE - this.#due);
    this.#due += made;
    if (made > 0) this.#dueSince ??= this.#options.monotonic();
    this.flush(false);
    return made;
  }

  /** Sends what is due, as far as the window of unanswered batches lets it; all of it with `everything`. */
  flush(everything: boolean): void {
    while (this.#open && this.#unanswered.size < SESSION.unacknowledgedBatches) {
      const again = this.#repeat.shift();
      if (again !== undefined) {
        this.#sendItems(again);
        continue;
      }
      const old = this.#dueSince !== undefined && this.#options.monotonic() - this.#dueSince >= this.#batchAgeMs;
      if (this.#due === 0 || (this.#due < BATCH_EVENTS && !old && !everything)) return;
      this.#sendItems(this.#takeDue());
    }
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    this.#socket.removeAllListeners('close');
    await new Promise<void>((resolve) => {
      this.#socket.on('close', () => resolve());
      this.#socket.close(1000);
    });
  }

  #takeDue(): Item[] {
    const now = this.#options.now();
    const count = Math.min(this.#due, BATCH_EVENTS);
    this.#due -= count;
    this.#batchAgeMs = BATCH_AGE_MS;
    this.#dueSince = this.#due === 0 ? undefined : this.#options.monotonic();
    return Array.from({ length: count }, () => {
      const sequence = this.#nextSequence();
      const event = simulatedEvent(this.#options.identity.endpointId, sequence, now);
      return { sequence, spooledAt: now, body: { type: 'event', event } };
    });
  }

  #nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  #sendItems(items: readonly Item[]): void {
    this.#lastBatch += 1;
    this.#unanswered.set(this.#lastBatch, { items, sentAt: this.#options.monotonic() });
    const batch = batchFrom(this.#lastBatch, this.#epoch, items, this.#options.now());
    this.#socket.send(encodeBatch(batch, 'json+zstd', zstd));
  }

  #onFrame(frame: ConsoleFrame): void {
    if (frame.type !== 'ack' && frame.type !== 'nack') return;
    const batch = this.#unanswered.get(frame.batchId);
    if (batch === undefined) return;
    this.#unanswered.delete(frame.batchId);
    if (frame.type === 'ack') {
      this.#options.onAcknowledged(batch.items.length, this.#options.monotonic() - batch.sentAt);
      this.flush(false);
      return;
    }
    this.#options.onProblem(frame.code);
    if (frame.retryAfterMs !== undefined)
      setTimeout(() => this.#repeat.push([...batch.items]), frame.retryAfterMs).unref();
  }
}
