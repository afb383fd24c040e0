import { Agent } from 'node:https';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { GATEWAY_SERVER_NAME } from '@yagura/protocol';
import { hostOf } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

/** Whom to trust (the console's own CA and nothing else, SPEC EN3) and what to show. PEM throughout. */
export interface GatewayTrust {
  readonly ca: string;
  readonly certificate?: string;
  readonly privateKey?: string;
}

/** TLS options that verify the gateway; they hold for a direct connection and inside a proxy's tunnel. */
export function tlsOptions(trust: GatewayTrust): ConnectionOptions {
  return {
    ca: [trust.ca],
    ...(trust.certificate === undefined ? {} : { cert: trust.certificate }),
    ...(trust.privateKey === undefined ? {} : { key: trust.privateKey }),
    servername: GATEWAY_SERVER_NAME,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    // The address is whatever the network calls the console; the name is the one its CA vouches for.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(GATEWAY_SERVER_NAME, certificate),
  };
}

export interface ConnectionRoute {
  readonly gateway: URL;
  readonly proxy: URL | undefined;
}

/**
 * TLS to the gateway. Rejects with the system's or OpenSSL's error, or `ProxyRefusedError`; aborting the
 * signal ends it in any state.
 */
export async function connectGateway(
  { gateway, proxy }: ConnectionRoute,
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const raw = await openTunnel(hostOf(gateway), Number(gateway.port) || 443, proxy, signal);
  return await new Promise((resolve, reject) => {
    const socket = connectTls({ ...options, socket: raw });
    const abort = (): void => void socket.destroy();
    const finish = (error?: Error): void => {
      signal.removeEventListener('abort', abort);
      socket.off('secureConnect', onSecure).off('error', finish).off('close', onClose);
      if (error === undefined) return resolve(socket);
      raw.destroy();
      socket.destroy();
      reject(error);
    };
    const onSecure = (): void => finish();
    const onClose = (): void =>
      finish(Object.assign(new Error('the connection ended during the TLS handshake'), { code: 'ECONNRESET' }));
    signal.addEventListener('abort', abort);
    socket.on('secureConnect', onSecure).on('error', finish).on('close', onClose);
  });
}

/** An HTTP agent that makes one connection to the gateway, for `https.request` and `ws`. */
export class GatewayAgent extends Agent {
  readonly #route: ConnectionRoute;
  readonly #tls: ConnectionOptions;
  readonly #signal: AbortSignal;

  constructor(route: ConnectionRoute, trust: GatewayTrust, signal: AbortSignal) {
    super({ keepAlive: false, maxSockets: 1 });
    this.#route = route;
    this.#tls = tlsOptions(trust);
    this.#signal = signal;
  }

  override createConnection(
    _options: unknown,
    created?: (error: Error | null, socket: TLSSocket) => void,
  ): null | undefined {
    connectGateway(this.#route, this.#tls, this.#signal).then(
      (socket) => created?.(null, socket),
      (error: Error) => created?.(error, undefined as never),
    );
    return undefined;
  }
}
