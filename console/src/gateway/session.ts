import {
  AgentFrame,
  CLOSE_CODES,
  type CloseReason,
  type ConsoleFrame,
  type Hello,
  negotiateVersion,
  PROTOCOL_VERSIONS,
  SESSION,
} from '@yagura/protocol';
import type { RawData, WebSocket } from 'ws';
import type { BatchAnswer, ReceivedBatch } from '../contexts/ingest/api.ts';
import { createTokenBucket, type TokenBucket } from '../platform/token-bucket.ts';
import type { Reader } from './intake.ts';
import { Liveness } from './liveness.ts';
import { OrderDelivery } from './order-delivery.ts';
import { Pace } from './pace.ts';
import type { PeerIdentity } from './peer-identity.ts';
import { readBatch } from './read-batch.ts';
import type { SessionServices } from './session-services.ts';

/**
 * `renewal`: the certificate has expired, and only a renewal is accepted (SPEC EN10).
 * `checking`: `hello` has come and is being judged; nothing else may come before `welcome`.
 */
type State = 'hello' | 'checking' | 'renewal' | 'open' | 'closed';

/**
 * One agent's WebSocket. Whatever the peer sends ends in an answer or in the end of this session, never in
 * that of another or of the process.
 */
export class AgentSession implements Reader {
  readonly peer: PeerIdentity;
  readonly #socket: WebSocket;
  readonly #services: SessionServices;
  readonly #textBucket: TokenBucket;
  readonly #pace: Pace;
  readonly #orders: OrderDelivery;
  readonly #liveness: Liveness;
  #state: State = 'hello';
  #epoch = '';
  #answering = 0;
  #renewing = false;
  #presence = false;
  #helloTimer: NodeJS.Timeout | undefined;
  #paceTimer: NodeJS.Timeout | undefined;
  #intakeIsFull = false;

  constructor(socket: WebSocket, bytesRead: () => number, peer: PeerIdentity, services: SessionServices) {
    this.peer = peer;
    this.#socket = socket;
    this.#services = services;
    const { monotonic, limits } = services;
    this.#liveness = new Liveness({ monotonic, bytesRead, incompleteMessageMs: limits.incompleteMessageMs });
    this.#textBucket = createTokenBucket({ now: monotonic }, limits.textFrames);
    this.#pace = new Pace(limits.pace, monotonic);
    this.#orders = new OrderDelivery({
      origin: peer.origin,
      response: services.response,
      send: (order) => this.#send({ type: 'order', order }),
      answerTimeoutMs: limits.orderAnswerMs,
      log: services.log,
    });
    this.#helloTimer = setTimeout(() => this.close('hello_expected'), SESSION.helloTimeout);
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('ping', (data) => this.#onControl(data));
    socket.on('pong', (data) => this.#onControl(data));
    // ws has closed the connection by the time it says what was wrong with a frame.
    socket.on('error', (error) => services.log.info({ ...peer.origin, err: error }, 'session broke'));
    socket.on('close', () => this.#onClose());
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Ends the session and says why. Safe to call twice. */
  close(reason: CloseReason, detail: string = reason): void {
    if (this.#state === 'closed') return;
    this.#services.log.info({ ...this.peer.origin, reason: detail }, 'session closed by the console');
    this.#socket.close(CLOSE_CODES[reason], detail);
    // What the peer still has to say counts no longer, and it may never answer the close.
    setTimeout(() => this.#socket.terminate(), this.#services.limits.closeMs).unref();
    this.#onClose();
  }

  /** Ends it without a word: the peer is gone. */
  drop(): void {
    this.#socket.terminate();
    this.#onClose();
  }

  pokeOrders(): void {
    if (this.#state === 'open') this.#orders.poke();
  }

  pauseReading(): void {
    this.#intakeIsFull = true;
    this.#readOrNot();
  }

  resumeReading(): void {
    this.#intakeIsFull = false;
    this.#readOrNot();
  }

  #readOrNot(): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#intakeIsFull || this.#paceTimer) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Reads nothing more until what was brought too fast is paid for. */
  #slowDown(): void {
    const debt = this.#pace.debtMs();
    if (debt === 0 || this.#paceTimer) return;
    this.#paceTimer = setTimeout(() => {
      this.#paceTimer = undefined;
      this.#readOrNot();
    }, debt);
    this.#readOrNot();
  }

  /** Whether the peer answers a ping within `timeoutMs`. */
  answersPing(timeoutMs: number): Promise<boolean> {
    if (this.#state !== 'open') return Promise.resolve(false);
    clearTimeout(this.#paceTimer);
    this.#paceTimer = undefined;
    this.resumeReading();
    const nonce = Buffer.from(String(this.#services.monotonic()));
    return new Promise((resolve) => {
      const finish = (alive: boolean): void => {
        clearTimeout(timer);
        this.#socket.off('pong', onPong);
        this.#socket.off('close', onClose);
        resolve(alive);
      };
      const onPong = (data: Buffer): void => {
        if (data.equals(nonce)) finish(true);
      };
      const onClose = (): void => finish(false);
      const timer = setTimeout(() => finish(false), timeoutMs);
      this.#socket.on('pong', onPong);
      this.#socket.on('close', onClose);
      this.#socket.ping(nonce);
    });
  }

  /** Called every few seconds: pings, notices the dead, the endless and the expired. */
  sweep(): void {
    const finding = this.#liveness.judge(!this.#socket.isPaused);
    if (finding === 'dead') return this.drop();
    if (finding === 'message_incomplete') return this.close('frame_malformed', finding);
    if (finding === 'ping_due') this.#socket.ping();
    if (this.#state === 'open' && this.peer.notAfter <= this.#services.clock.now()) {
      // It may come back at once, with the certificate that it has or to renew this one.
      this.close('console_stopping', 'certificate_expired');
    }
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#liveness.onMessage();
    if (this.#state === 'closed') return;
    const bytes = asBytes(data);
    if (isBinary) return this.#onBatch(bytes);
    if (!this.#textBucket.take()) return this.close('rate_limited');
    const frame = parseFrame(bytes);
    if (frame === undefined) return this.close(this.#state === 'hello' ? 'hello_expected' : 'frame_malformed');
    void this.#onFrame(frame).catch((error: unknown) => {
      this.#services.log.error({ ...this.peer.origin, err: error }, 'a frame could not be processed');
      this.close('internal');
    });
  }

  #onControl(data: Buffer): void {
    this.#liveness.onControlFrame(data.length);
    if (!this.#textBucket.take()) this.close('rate_limited');
  }

  async #onFrame(frame: AgentFrame): Promise<void> {
    if (this.#state === 'hello') {
      if (frame.type !== 'hello') return this.close('hello_expected');
      return await this.#onHello(frame);
    }
    if (frame.type === 'renew' && (this.#state === 'open' || this.#state === 'renewal'))
      return await this.#renew(frame.csr);
    if (frame.type === 'order-received' && this.#state === 'open') {
      return await this.#orders.received(frame.orderId, frame.accepted, frame.code);
    }
    this.close(this.#state === 'open' ? 'frame_malformed' : 'hello_expected');
  }

  async #onHello(hello: Hello): Promise<void> {
    const { limits, sessions, log } = this.#services;
    this.#state = 'checking';
    clearTimeout(this.#helloTimer);
    const version = negotiateVersion(PROTOCOL_VERSIONS, hello.protocol);
    if (version === undefined) {
      const ranges = { agent: hello.protocol, console: PROTOCOL_VERSIONS };
      return this.#refuse('version_unsupported', 'version_unsupported', 'agent and console share no version', ranges);
    }
    if (this.peer.notAfter <= this.#services.clock.now()) {
      this.#state = 'renewal';
      this.#helloTimer = setTimeout(
        () => this.close('certificate_missing', 'certificate_expired'),
        limits.renewalOnlyMs,
      );
      this.#send({ type: 'refused', code: 'certificate_expired', message: 'renew the certificate first' });
      return;
    }
    const objection = await sessions.admit(this, hello);
    if (this.#isClosed()) return;
    if (objection === 'certificate_revoked') return this.close('certificate_revoked');
    if (objection !== undefined) return this.#refuse(objection, 'duplicate_session', 'this identity is in use twice');
    this.#epoch = hello.epoch;
    this.#state = 'open';
    this.#send({
      type: 'welcome',
      protocol: version,
      consoleVersion: this.#services.consoleVersion,
      time: this.#services.clock.now(),
      ...this.peer.origin,
    });
    this.#presence = true;
    const { hostname, platform, agentVersion } = hello;
    this.#services.fleet.sessionOpened(this.peer.origin, { hostname, platform, agentVersion });
    log.info({ ...this.peer.origin, agentVersion }, 'session open');
    this.#orders.poke();
  }

  #refuse(code: string, reason: CloseReason, message: string, ranges: object = {}): void {
    this.#send({ type: 'refused', code, message, ...ranges });
    this.close(reason, code);
  }

  #onBatch(frame: Buffer): void {
    if (this.#state !== 'open') return this.close('hello_expected');
    if (this.#answering >= SESSION.unacknowledgedBatches) return this.close('rate_limited');
    const receivedAt = this.#services.clock.now();
    const reading = readBatch(frame);
    if (reading.type === 'unreadable') return this.close(reading.code);
    if (reading.type === 'malformed') {
      this.#send({ type: 'nack', batchId: reading.batchId, code: 'batch_malformed', message: reading.message });
      return;
    }
    const { batchId, epoch, items, poisoned, bytes } = reading;
    if (epoch !== this.#epoch) return this.close('frame_malformed', 'epoch_mismatch');
    const owed = this.#pace.debtMs();
    this.#pace.spend(bytes);
    this.#slowDown();
    if (owed > this.#services.limits.refusedDebtMs) {
      const message = 'this session brings more than its share; the same items are welcome later';
      this.#send({ type: 'nack', batchId, code: 'rate_limited', message, retryAfterMs: this.#pace.debtMs() });
      return;
    }
    const clockOffsetMs = receivedAt - reading.sentAt;
    void this.#submit({ origin: this.peer.origin, epoch, items, poisoned, receivedAt, clockOffsetMs }, batchId, bytes);
  }

  async #submit(batch: ReceivedBatch, batchId: number, bytes: number): Promise<void> {
    const { intake, ingest } = this.#services;
    this.#answering += 1;
    intake.take(bytes, this);
    const answer = await ingest.submit(batch);
    this.#answering -= 1;
    intake.release(bytes);
    this.#send(frameOf(answer, batchId, batch.epoch));
  }

  async #renew(csr: string): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      const renewed = await this.#services.renew(this.peer.origin, csr);
      if (this.#isClosed() || renewed === undefined) return;
      this.#send({ type: 'certificate', ...renewed });
      if (this.#state === 'renewal') this.close('console_stopping', 'certificate_renewed');
    } finally {
      this.#renewing = false;
    }
  }

  /** False once there is nobody to send to. A peer that does not read is dropped, its spool keeps all. */
  #send(frame: ConsoleFrame): boolean {
    if (this.#state === 'closed' || this.#socket.readyState !== this.#socket.OPEN) return false;
    if (this.#socket.bufferedAmount > this.#services.limits.unsentBytes) {
      this.drop();
      return false;
    }
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #onClose(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#paceTimer);
    this.#orders.stop();
    this.#services.intake.forget(this);
    this.#services.sessions.forget(this);
    if (this.#presence) this.#services.fleet.sessionClosed(this.peer.origin);
  }
}

function frameOf(answer: BatchAnswer, batchId: number, epoch: string): ConsoleFrame {
  if (answer.type === 'ack') {
    return { type: 'ack', batchId, epoch, ranges: answer.ranges.map(([from, to]) => [from, to]) };
  }
  const { poisoned, ...rest } = answer;
  return { ...rest, batchId, ...(poisoned === undefined ? {} : { poisoned: [...poisoned] }) };
}

function parseFrame(bytes: Buffer): AgentFrame | undefined {
  try {
    const result = AgentFrame.safeParse(JSON.parse(bytes.toString('utf8')));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

function asBytes(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
