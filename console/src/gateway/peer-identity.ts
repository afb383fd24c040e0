import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Id } from '@yagura/protocol';
import type { Origin } from '../contexts/fleet/api.ts';

/** OID of the extended key usage "TLS client authentication" (RFC 5280, 4.2.1.12). */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

export interface PeerIdentity {
  readonly origin: Origin;
  /** Lower-case hexadecimal. */
  readonly serial: string;
  readonly notAfter: number;
}

export type PeerRefusal = 'certificate_missing' | 'certificate_untrusted';

/**
 * Who is at the other end, by its certificate alone: issued by our CA and by nothing else, for client
 * authentication and for nothing else. Expiry is left to the caller (SPEC EN10 lets some renew); that the
 * peer has the private key was proven by the handshake.
 *
 * The verdict of the TLS layer is not used: with several faults it names only one, so that "expired" could
 * hide "foreign".
 */
export function identifyPeer(
  socket: TLSSocket,
  authority: X509Certificate,
): { readonly ok: true; readonly peer: PeerIdentity } | { readonly ok: false; readonly code: PeerRefusal } {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { ok: false, code: 'certificate_missing' };
  const peer = readEndpointCertificate(certificate, authority);
  return peer === undefined ? { ok: false, code: 'certificate_untrusted' } : { ok: true, peer };
}

/** The identity that an endpoint certificate of this CA states, or nothing. */
export function readEndpointCertificate(
  certificate: X509Certificate,
  authority: X509Certificate,
): PeerIdentity | undefined {
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) return undefined;
  const usages: readonly string[] = certificate.keyUsage ?? [];
  if (certificate.ca || usages.length !== 1 || usages[0] !== CLIENT_AUTH) return undefined;
  const names = /^O=([^\n]+)\nCN=([^\n]+)$/.exec(certificate.subject);
  const tenantId = Id.safeParse(names?.[1]);
  const endpointId = Id.safeParse(names?.[2]);
  if (!tenantId.success || !endpointId.success) return undefined;
  return {
    origin: { tenantId: tenantId.data, endpointId: endpointId.data },
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: certificate.validToDate.getTime(),
  };
}
