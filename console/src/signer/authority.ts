import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { type Answer, accepted, type IssuedCertificate, refused } from './messages.ts';
import { SIGNER_LIMITS } from './policy.ts';
import type { SignerEnvironment } from './state.ts';
import * as x509 from './x509.ts';

const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;

const HOUR_MS = 3_600_000;

/** Begin of validity before the issue: an endpoint whose clock is days behind connects all the same (SPEC EN3). */
const BACKDATE_MS = { authority: 8 * 24 * HOUR_MS, gateway: 7 * 24 * HOUR_MS, endpoint: HOUR_MS } as const;

/** The console's certificate authority. Its private key never leaves this object's process. */
export interface Authority {
  /** The CA's certificate, PEM. */
  readonly certificate: string;
  /** A server certificate for exactly `names`; nothing of the request but its key is used. */
  issueForGateway(csr: string, names: readonly string[]): Promise<Answer<IssuedCertificate, 'csr_invalid'>>;
  /** A client certificate that says O the tenant and CN the endpoint and can never be a server's (SPEC EN7). */
  issueForEndpoint(
    csr: string,
    tenantId: string,
    endpointId: string,
  ): Promise<Answer<IssuedCertificate, 'csr_invalid'>>;
}

/** Loads the CA from the state, or makes it at the first start (P-256, ten years, path length 0). */
export async function openAuthority(environment: SignerEnvironment): Promise<Authority> {
  const { state } = environment;
  const read = state.db.prepare('SELECT value FROM key_material WHERE name = ?');
  const stored = {
    key: read.get('authority.key')?.['value'],
    certificate: read.get('authority.certificate')?.['value'],
  };
  if (stored.key instanceof Uint8Array && stored.certificate instanceof Uint8Array) {
    const key = await webcrypto.subtle.importKey('pkcs8', stored.key, KEY, false, ['sign']);
    return new OpenAuthority(environment, key, new x509.X509Certificate(stored.certificate));
  }
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = await selfSign(environment, keys);
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  state.transaction(() => {
    const insert = state.db.prepare('INSERT INTO key_material (name, value) VALUES (?, ?)');
    insert.run('authority.key', new Uint8Array(pkcs8));
    insert.run('authority.certificate', new Uint8Array(certificate.rawData));
  });
  return new OpenAuthority(environment, keys.privateKey, certificate);
}

async function selfSign(environment: SignerEnvironment, keys: webcrypto.CryptoKeyPair): Promise<x509.X509Certificate> {
  const now = environment.clock.now();
  const name = `Yagura CA ${Buffer.from(environment.random.bytes(4)).toString('hex')}`;
  return await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(environment),
    name: [{ CN: [name] }],
    notBefore: new Date(now - BACKDATE_MS.authority),
    notAfter: new Date(now + SIGNER_LIMITS.authorityLifetimeMs),
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
}

class OpenAuthority implements Authority {
  readonly certificate: string;
  readonly #environment: SignerEnvironment;
  readonly #key: webcrypto.CryptoKey;
  readonly #issuer: x509.X509Certificate;

  constructor(environment: SignerEnvironment, key: webcrypto.CryptoKey, issuer: x509.X509Certificate) {
    this.#environment = environment;
    this.#key = key;
    this.#issuer = issuer;
    this.certificate = issuer.toString('pem');
  }

  async issueForGateway(csr: string, names: readonly string[]): Promise<Answer<IssuedCertificate, 'csr_invalid'>> {
    return await this.#issue(csr, {
      purpose: 'gateway',
      subject: [{ CN: ['Yagura gateway'] }],
      usage: x509.ExtendedKeyUsage.serverAuth,
      names: names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      lifetimeMs: SIGNER_LIMITS.gatewayCertificateLifetimeMs,
    });
  }

  async issueForEndpoint(
    csr: string,
    tenantId: string,
    endpointId: string,
  ): Promise<Answer<IssuedCertificate, 'csr_invalid'>> {
    return await this.#issue(csr, {
      purpose: 'endpoint',
      subject: [{ O: [tenantId] }, { CN: [endpointId] }],
      usage: x509.ExtendedKeyUsage.clientAuth,
      names: [],
      lifetimeMs: SIGNER_LIMITS.endpointCertificateLifetimeMs,
      tenantId,
      endpointId,
    });
  }

  async #issue(csr: string, profile: Profile): Promise<Answer<IssuedCertificate, 'csr_invalid'>> {
    const publicKey = await verifiedKey(csr);
    if (publicKey === undefined) {
      return refused('csr_invalid', 'the request is not a PKCS#10 with a P-256 key signed by itself');
    }
    const now = this.#environment.clock.now();
    const notAfter = Math.min(now + profile.lifetimeMs, this.#issuer.notAfter.getTime());
    const serial = serialNumber(this.#environment);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject: profile.subject,
      issuer: this.#issuer.subject,
      notBefore: new Date(now - BACKDATE_MS[profile.purpose]),
      notAfter: new Date(notAfter),
      publicKey,
      signingKey: this.#key,
      signingAlgorithm: SIGNATURE,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([profile.usage], true),
        ...(profile.names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...profile.names])]),
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#issuer.publicKey),
      ],
    });
    this.#record(serial, profile, now, notAfter);
    return accepted({ certificate: certificate.toString('pem'), serial, notAfter });
  }

  /** The authority's own list of what it issued, which a stolen console cannot shorten. */
  #record(serial: string, profile: Profile, issuedAt: number, expiresAt: number): void {
    const { state } = this.#environment;
    state.transaction(() => {
      state.db
        .prepare(
          'INSERT INTO certificates (serial, purpose, tenant_id, endpoint_id, issued_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
        )
        .run(serial, profile.purpose, profile.tenantId ?? null, profile.endpointId ?? null, issuedAt, expiresAt);
      state.db.prepare('DELETE FROM certificates WHERE expires_at < ?').run(issuedAt - SIGNER_LIMITS.orderRecordsMs);
    });
  }
}

interface Profile {
  readonly purpose: 'gateway' | 'endpoint';
  readonly subject: x509.JsonName;
  readonly usage: x509.ExtendedKeyUsage;
  readonly names: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[];
  readonly lifetimeMs: number;
  readonly tenantId?: string;
  readonly endpointId?: string;
}

/** The request's key if it is P-256 and proves possession of the private half; the subject is ignored. */
async function verifiedKey(csr: string): Promise<x509.PublicKey | undefined> {
  try {
    const request = new x509.Pkcs10CertificateRequest(csr);
    const algorithm = request.publicKey.algorithm as { name: string; namedCurve?: string };
    if (algorithm.name !== KEY.name || algorithm.namedCurve !== KEY.namedCurve) return undefined;
    return (await request.verify()) ? request.publicKey : undefined;
  } catch {
    // The library throws on every kind of damage; what kind is of no use to the caller.
    return undefined;
  }
}

/** Sixteen random bytes whose first is 1 to 127: positive and without leading zeros in DER and in hex. */
function serialNumber(environment: SignerEnvironment): string {
  const bytes = Uint8Array.from(environment.random.bytes(16));
  bytes[0] = ((bytes[0] ?? 0) % 0x70) + 0x10;
  return Buffer.from(bytes).toString('hex');
}
