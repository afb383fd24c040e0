import { createHash } from 'node:crypto';
import { GATEWAY_SERVER_NAME } from '@yagura/protocol';
import { type ConnectionRoute, connectGateway } from '../uplink/connect/gateway-connection.ts';

/** Certificates of a peer's chain that are looked at. */
const CHAIN_LIMIT = 8;

/**
 * Asks the gateway for its chain and returns the certificate (PEM) whose DER hashes to `fingerprint`, or
 * undefined. Nothing is believed here and nothing is sent: the certificate is the one that the token names
 * whoever handed it over, and everything that follows is verified against it on a connection of its own.
 */
export async function fetchPinnedAuthority(
  route: ConnectionRoute,
  fingerprint: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const socket = await connectGateway(
    route,
    { rejectUnauthorized: false, servername: GATEWAY_SERVER_NAME, minVersion: 'TLSv1.2' },
    signal,
  );
  try {
    let certificate = socket.getPeerCertificate(true);
    for (let depth = 0; depth < CHAIN_LIMIT && certificate?.raw !== undefined; depth += 1) {
      if (createHash('sha256').update(certificate.raw).digest('hex') === fingerprint) return toPem(certificate.raw);
      if (certificate.issuerCertificate === certificate) return undefined;
      certificate = certificate.issuerCertificate;
    }
    return undefined;
  } finally {
    socket.destroy();
  }
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
