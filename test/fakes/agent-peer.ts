import { once } from 'node:events';
import { request } from 'node:https';
import { zstd } from '@yagura/console/gateway/zstd.ts';
import {
  type Batch,
  ConsoleFrame,
  EnrolResponse,
  type Event,
  encodeBatch,
  type Item,
  type ItemBody,
  parseEnrolmentToken,
} from '@yagura/protocol';
import { WebSocket } from 'ws';
import { createKeyAndRequest } from './running-signer.ts';

/** What an enrolled endpoint keeps. */
export interface PeerState {
  readonly origin: { readonly tenantId: string; readonly endpointId: string };
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
}

export interface EnrolAnswer {
  readonly status: number;
  readonly code?: string;
  readonly response?: EnrolResponse;
}

/** `POST /enrol` with any body. */
export async function postEnrol(port: number, body: unknown, contentType = 'application/json'): Promise<EnrolAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return await new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path: '/enrol',
        method: 'POST',
        rejectUnauthorized: false,
        headers: { 'content-type': contentType, 'content-length': Buffer.byteLength(text) },
        agent: false,
      },
      (response) => {
        let answer = '';
        response.on('data', (chunk) => {
          answer += String(chunk);
        });
        response.on('end', () => {
          const parsed = JSON.parse(answer);
          const status = response.statusCode ?? 0;
          if (status === 200) resolve({ status, response: EnrolResponse.parse(parsed) });
          else resolve({ status, code: parsed.error.code });
        });
      },
    );
    call.on('error', reject);
    call.end(text);
  });
}

export function enrolRequestOf(token: string, csr: string): object {
  const secret = parseEnrolmentToken(token)?.secret;
  return { secret, csr, hostname: 'pc-1', platform: 'linux', agentVersion: '0.0.0-test' };
}

export async function enrolPeer(port: number, token: string): Promise<PeerState> {
  const { key, csr } = await createKeyAndRequest();
  const { status, code, response } = await postEnrol(port, enrolRequestOf(token, csr));
  if (response === undefined) throw new Error(`enrolment refused: ${status} ${code}`);
  const { tenantId, endpointId, certificate, ca } = response;
  return { origin: { tenantId, endpointId }, key, certificate, ca };
}

/** A raw agent: says exactly what the test tells it to, right or wrong. */
export interface AgentPeer {
  readonly socket: WebSocket;
  /** Resolves to the next text frame; rejects when the socket closes before one comes. */
  next(): Promise<ConsoleFrame>;
  /** Resolves to the close code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>;
  sendFrame(frame: object): void;
  sendBatch(batch: Batch, encoding?: 'json' | 'json+zstd'): void;
  hello(change?: object): Promise<ConsoleFrame>;
}

export interface ConnectOptions {
  readonly headers?: Record<string, string>;
  readonly autoPong?: boolean;
  readonly path?: string;
}

/** Opens a session's socket; rejects with the HTTP status when the handshake is refused. */
export async function connectPeer(
  port: number,
  state: Pick<PeerState, 'key' | 'certificate'> | undefined,
  options: ConnectOptions = {},
): Promise<AgentPeer> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}${options.path ?? '/uplink'}`, {
    rejectUnauthorized: false,
    perMessageDeflate: false,
    autoPong: options.autoPong ?? true,
    ...(state === undefined ? {} : { key: state.key, cert: state.certificate }),
    ...(options.headers === undefined ? {} : { headers: options.headers }),
  });
  const frames: ConsoleFrame[] = [];
  const waiting: { resolve: (frame: ConsoleFrame) => void; reject: (error: Error) => void }[] = [];
  socket.on('message', (data: Buffer) => {
    const frame = ConsoleFrame.parse(JSON.parse(data.toString('utf8')));
    const first = waiting.shift();
    if (first === undefined) frames.push(frame);
    else first.resolve(frame);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`closed ${code} ${String(reason)}`));
      resolve({ code, reason: String(reason) });
    });
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => resolve());
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += String(chunk);
      });
      response.on('end', () => reject(new Error(`${response.statusCode} ${JSON.parse(body).error.code}`)));
    });
    socket.on('error', reject);
  });
  const peer: AgentPeer = {
    socket,
    closed,
    next() {
      const frame = frames.shift();
      if (frame !== undefined) return Promise.resolve(frame);
      if (socket.readyState === WebSocket.CLOSED) return Promise.reject(new Error('closed'));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    sendFrame: (frame) => socket.send(JSON.stringify(frame)),
    sendBatch: (batch, encoding = 'json+zstd') => socket.send(encodeBatch(batch, encoding, zstd)),
    async hello(change = {}) {
      peer.sendFrame({ ...helloOf(), ...change });
      return await peer.next();
    },
  };
  return peer;
}

export function helloOf(): object {
  return {
    type: 'hello',
    protocol: { min: 1, max: 1 },
    agentVersion: '0.0.0-test',
    platform: 'linux',
    hostname: 'pc-1',
    epoch: 'epoch-1',
    lastSequence: 1_000_000,
    time: Date.now(),
  };
}

/** An open session that has been welcomed. */
export async function openSession(port: number, state: PeerState, change: object = {}): Promise<AgentPeer> {
  const peer = await connectPeer(port, state);
  const answer = await peer.hello(change);
  if (answer.type !== 'welcome') throw new Error(JSON.stringify(answer));
  return peer;
}

export function eventOf(sequence: number): Event {
  return {
    eventId: `ev-${sequence}`,
    logsource: { product: 'linux', category: 'process_creation' },
    time: 1_700_000_000_000 + sequence,
    entityId: `p-${sequence}`,
    fields: { Image: '/usr/bin/id', CommandLine: `id -u ${sequence}`, User: 'root', ProcessId: sequence },
  };
}

export function itemOf(sequence: number, body?: ItemBody): Item {
  return { sequence, spooledAt: 1_700_000_000_000, body: body ?? { type: 'event', event: eventOf(sequence) } };
}

export function batchOf(batchId: number, items: readonly Item[], epoch = 'epoch-1'): Batch {
  return { batchId, epoch, sentAt: Date.now(), items: [...items] };
}

/** Waits until the socket is closed; for tests that end a session themselves. */
export async function hangUp(peer: AgentPeer): Promise<void> {
  const closed = once(peer.socket, 'close');
  peer.socket.close();
  await closed;
}
