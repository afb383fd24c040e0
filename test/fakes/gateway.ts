import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  AgentFrame,
  Batch,
  CLOSE_CODES,
  type ConsoleFrame,
  decodeBatchFrame,
  EnrolRequest,
  formatEnrolmentToken,
  type Hello,
  type Item,
  LIMITS,
} from '@yagura/protocol';
import { WebSocket, WebSocketServer } from 'ws';
import { zstd } from '../../endpoint-agent/src/uplink/compression.ts';
import { createTestAuthority, createTestOrderKey, type TestAuthority, type TestOrderKey } from './certificates.ts';

export const TENANT = 'tenant-1';
export const ENDPOINT = 'endpoint-1';
export const SECRET = 's'.repeat(43);

/** One agent's connection, seen from the console. */
export interface GatewaySession {
  readonly socket: WebSocket;
  /** The TCP connection below, for breaking it. */
  readonly wire: TLSSocket;
  readonly endpointId: string;
  readonly frames: AgentFrame[];
  hello?: Hello;
  /** How the connection was closed, once it is. */
  closeCode?: number;
  send(frame: ConsoleFrame): void;
  /** Acknowledges a batch as it is. */
  ack(batch: Batch): void;
}

/** A gateway for tests: real TLS, real WebSockets, the strict schemas; what it answers can be replaced. */
export interface FakeGateway extends AsyncDisposable {
  readonly authority: TestAuthority;
  readonly orderKey: TestOrderKey;
  readonly url: string;
  readonly port: number;
  token(overrides?: Partial<Parameters<typeof formatEnrolmentToken>[0]>): string;
  /** Every committed item, by `epoch/sequence`; `copies` counts how often each arrived. */
  readonly committed: Map<string, Item>;
  readonly copies: Map<string, number>;
  readonly sessions: GatewaySession[];
  readonly enrolments: EnrolRequest[];
  onEnrol: (request: EnrolRequest) => Promise<{ status: number; body: unknown }>;
  onHello: (session: GatewaySession, hello: Hello) => void;
  onBatch: (session: GatewaySession, batch: Batch) => void;
  onFrame: (session: GatewaySession, frame: AgentFrame) => void;
  /** Resolves when `condition` holds; rejects after `timeout` milliseconds with `what`. */
  until(what: string, condition: () => boolean, timeout?: number): Promise<void>;
  commit(batch: Batch): void;
}

export async function startGateway(
  options: {
    names?: readonly string[];
    serverUsage?: 'client' | 'server';
    authority?: TestAuthority;
    port?: number;
  } = {},
): Promise<FakeGateway> {
  const authority = options.authority ?? (await createTestAuthority());
  const orderKey = createTestOrderKey();
  const leaf = await authority.issue({
    subject: 'CN=gateway',
    usage: options.serverUsage ?? 'server',
    names: options.names ?? ['yagura-gateway'],
  });
  const server = createServer({
    key: leaf.privateKey,
    cert: `${leaf.certificate}\n${authority.certificate}`,
    ca: [authority.certificate],
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('tlsClientError', () => undefined);
  const upgrades = new WebSocketServer({ noServer: true, maxPayload: LIMITS.frameBytes, perMessageDeflate: false });

  const gateway: Omit<FakeGateway, 'url' | 'port' | 'token'> = {
    authority,
    orderKey,
    committed: new Map(),
    copies: new Map(),
    sessions: [],
    enrolments: [],
    onEnrol: async (request) => {
      const subject = `O=${TENANT}, CN=${ENDPOINT}`;
      const certificate = await authority.issueFor(request.csr, { subject, usage: 'client' });
      const body = {
        endpointId: ENDPOINT,
        tenantId: TENANT,
        certificate,
        ca: authority.certificate,
        orderKey: orderKey.raw,
      };
      return { status: 200, body };
    },
    onHello: (session) => {
      session.send({
        type: 'welcome',
        protocol: 1,
        consoleVersion: '0.1.0',
        time: Date.now(),
        endpointId: session.endpointId,
        tenantId: TENANT,
      });
    },
    onBatch: (session, batch) => {
      gateway.commit(batch);
      session.ack(batch);
    },
    onFrame: () => undefined,
    commit: (batch) => {
      for (const item of batch.items) {
        const key = `${batch.epoch}/${item.sequence}`;
        gateway.copies.set(key, (gateway.copies.get(key) ?? 0) + 1);
        if (!gateway.committed.has(key)) gateway.committed.set(key, item);
      }
    },
    until: async (what, condition, timeout = 10_000) => {
      const deadline = performance.now() + timeout;
      while (!condition()) {
        if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const session of gateway.sessions) session.socket.terminate();
      await stop(server);
    },
  };
  server.on('request', (request, response) => void enrolmentRequest(gateway, request, response));
  server.on('upgrade', (request, socket, head) => {
    const wire = socket as TLSSocket;
    const subject = wire.getPeerCertificate().subject;
    upgrades.handleUpgrade(request, socket, head, (client) => {
      accept(gateway, client, wire, String(subject?.CN ?? ''));
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}`;
  return Object.assign(gateway, {
    url,
    port,
    token: (overrides = {}) =>
      formatEnrolmentToken({
        v: 1,
        gateway: url,
        secret: SECRET,
        ca: authority.fingerprint,
        orderKey: orderKey.hash,
        ...overrides,
      }),
  });
}

function accept(
  gateway: Omit<FakeGateway, 'url' | 'port' | 'token'>,
  socket: WebSocket,
  wire: TLSSocket,
  endpointId: string,
): void {
  const session: GatewaySession = {
    socket,
    wire,
    endpointId,
    frames: [],
    send: (frame) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
    },
    ack: (batch) => {
      const ranges = batch.items.map((item): [number, number] => [item.sequence, item.sequence]);
      session.send({ type: 'ack', batchId: batch.batchId, epoch: batch.epoch, ranges });
    },
  };
  gateway.sessions.push(session);
  socket.on('error', () => undefined);
  socket.on('close', (code: number) => {
    session.closeCode = code;
  });
  socket.on('message', (data, binary) => {
    if (binary) {
      const raw = decodeBatchFrame(data as Buffer, zstd);
      if (!raw.ok) return socket.close(CLOSE_CODES.frame_malformed);
      return gateway.onBatch(session, Batch.parse(raw.value));
    }
    const frame = AgentFrame.parse(JSON.parse((data as Buffer).toString()));
    session.frames.push(frame);
    if (frame.type === 'hello') {
      session.hello = frame;
      return gateway.onHello(session, frame);
    }
    return gateway.onFrame(session, frame);
  });
}

async function enrolmentRequest(
  gateway: Omit<FakeGateway, 'url' | 'port' | 'token'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const enrolment = EnrolRequest.parse(JSON.parse(Buffer.concat(chunks).toString()));
  gateway.enrolments.push(enrolment);
  const { status, body } = await gateway.onEnrol(enrolment);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
