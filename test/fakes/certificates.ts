import 'reflect-metadata';
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { ORDER_SIGNATURE_CONTEXT, type Order, type SignedOrder } from '@yagura/protocol';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const DAY = 86_400_000;

export interface IssueOptions {
  readonly subject: string;
  readonly usage: 'client' | 'server';
  readonly names?: readonly string[];
  readonly notBefore?: number;
  readonly notAfter?: number;
}

export interface KeyPair {
  readonly privateKey: string;
  readonly certificate: string;
}

/** A certificate authority for tests, as the signer makes one. */
export interface TestAuthority {
  readonly certificate: string;
  /** SHA-256 of the certificate's DER, hexadecimal. */
  readonly fingerprint: string;
  issue(options: IssueOptions): Promise<KeyPair>;
  /** Signs the key of a PKCS#10 request after verifying it; undefined when it does not hold. */
  issueFor(csr: string, options: IssueOptions): Promise<string | undefined>;
}

export async function createTestAuthority(): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const now = Date.now();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=Test CA ${now}`,
    notBefore: new Date(now - 30 * DAY),
    notAfter: new Date(now + 365 * DAY),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  let serial = 1;
  const certify = async (publicKey: x509.PublicKey | CryptoKey, options: IssueOptions): Promise<string> => {
    serial += 1;
    const usage = options.usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth;
    const names = (options.names ?? []).map((value) => ({ type: 'dns' as const, value }));
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial.toString(16).padStart(4, '0'),
      subject: options.subject,
      issuer: ca.subject,
      notBefore: new Date(options.notBefore ?? now - 7 * DAY),
      notAfter: new Date(options.notAfter ?? now + 30 * DAY),
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: SIGNING,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([usage], true),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ],
    });
    return certificate.toString('pem');
  };
  return {
    certificate: ca.toString('pem'),
    fingerprint: createHash('sha256').update(Buffer.from(ca.rawData)).digest('hex'),
    issue: async (options) => {
      const own = await crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
      const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', own.privateKey));
      const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
      return {
        privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }),
        certificate: await certify(own.publicKey, options),
      };
    },
    issueFor: async (csr, options) => {
      const request = new x509.Pkcs10CertificateRequest(csr);
      return (await request.verify()) ? await certify(request.publicKey, options) : undefined;
    },
  };
}

/** A signer's order key for tests. */
export interface TestOrderKey {
  readonly key: KeyObject;
  /** Raw 32 bytes, base64, and their SHA-256. */
  readonly raw: string;
  readonly hash: string;
  sign(order: Order): SignedOrder;
  /** Signs any bytes, under any context. */
  signBytes(payload: Buffer, context?: string): SignedOrder;
}

export function createTestOrderKey(): TestOrderKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const signBytes = (payload: Buffer, context: string = ORDER_SIGNATURE_CONTEXT): SignedOrder => ({
    payload: payload.toString('base64'),
    signature: sign(null, Buffer.concat([Buffer.from(context), payload]), privateKey).toString('base64'),
  });
  return {
    key: publicKey,
    raw: raw.toString('base64'),
    hash: createHash('sha256').update(raw).digest('hex'),
    sign: (order) => signBytes(Buffer.from(JSON.stringify(order))),
    signBytes,
  };
}
