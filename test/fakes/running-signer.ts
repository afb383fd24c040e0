import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { systemRandom } from '@yagura/console/platform/random.ts';
import {
  createSignerAdminClient,
  createSignerClient,
  type SignerAdminClient,
  type SignerClient,
} from '@yagura/console/signer/client.ts';
import { serveLines } from '@yagura/console/signer/line-server.ts';
import { AdminRequest, ConsoleRequest } from '@yagura/console/signer/messages.ts';
import { openSigner } from '@yagura/console/signer/service.ts';
import * as x509 from '@yagura/console/signer/x509.ts';

/** The real signer on real sockets in this process, with a clock that the test owns. */
export interface RunningSigner extends AsyncDisposable {
  readonly directory: string;
  readonly client: SignerClient;
  readonly admin: SignerAdminClient;
  readonly socket: string;
  readonly adminSocket: string;
  readonly clock: { time: number; now(): number };
  /** Ends the signer and starts it again on the same state. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSigner(
  options: { readonly now?: number; readonly perMinute?: number } = {},
): Promise<RunningSigner> {
  const directory = mkdtempSync(join(tmpdir(), 'yagura-signer-'));
  const socket = join(directory, 'console.sock');
  const adminSocket = join(directory, 'admin.sock');
  const clock = {
    time: options.now ?? Date.now(),
    now(): number {
      return this.time;
    },
  };
  const perMinute = options.perMinute ?? 1_000;
  const start = async (): Promise<() => Promise<void>> => {
    const signer = await openSigner({
      stateDirectory: join(directory, 'state'),
      gatewayNames: ['localhost', '127.0.0.1'],
      endpointCertificates: { perMinute, burst: perMinute },
      clock,
      random: systemRandom,
    });
    const onFailure = (error: unknown): void => console.error(error);
    const servers = [
      await serveLines({
        path: socket,
        mode: 0o660,
        schema: ConsoleRequest,
        handle: (request) => signer.handleConsole(request),
        maxConnections: 16,
        onFailure,
      }),
      await serveLines({
        path: adminSocket,
        mode: 0o600,
        schema: AdminRequest,
        handle: (request) => signer.handleAdmin(request),
        maxConnections: 8,
        onFailure,
      }),
    ];
    return async () => {
      for (const server of servers) await server[Symbol.asyncDispose]();
      signer[Symbol.dispose]();
    };
  };
  let stop = await start();
  const client = createSignerClient({ socket });
  const admin = createSignerAdminClient({ socket: adminSocket });
  return {
    directory,
    client,
    admin,
    socket,
    adminSocket,
    clock,
    async restart() {
      await stop();
      // The client learns of the closed connection in a later turn, as it would between two processes.
      await setTimeout(10);
      stop = await start();
    },
    async stop() {
      await stop();
      stop = () => Promise.resolve();
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      admin[Symbol.dispose]();
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface KeyAndRequest {
  /** PKCS#8, PEM. */
  readonly key: string;
  /** PKCS#10, PEM. */
  readonly csr: string;
}

/** A fresh P-256 key (or another curve) with a certificate request for it. */
export async function createKeyAndRequest(name = 'CN=whatever', namedCurve = 'P-256'): Promise<KeyAndRequest> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    csr: request.toString('pem'),
  };
}
