import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../platform/clock.ts';
import type { SignerClient } from '../signer/client.ts';
import * as x509 from '../signer/x509.ts';

export interface GatewayTls {
  readonly key: string;
  /** Leaf and CA, PEM: agents that enrol find the pinned CA in the chain (SPEC EN3). */
  readonly chain: string;
  readonly certificate: X509Certificate;
  readonly authority: X509Certificate;
  /** Raw 32-byte Ed25519 key of the signer, base64. */
  readonly orderKey: string;
}

export type GatewayTlsResult =
  | { readonly ok: true; readonly tls: GatewayTls }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * The gateway's key and certificate: those in `DIR/gateway.key.pem` and `DIR/gateway.crt.pem` (0600) while
 * the certificate is the signer's and has a third of its life left, else a new certificate from the signer,
 * for the same key where there is one.
 */
export async function obtainGatewayTls(
  directory: string,
  signer: SignerClient,
  clock: Clock,
): Promise<GatewayTlsResult> {
  const info = await signer.call('info', {});
  if (!info.ok) return info;
  const authority = new X509Certificate(info.value.ca);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const keyFile = join(directory, 'gateway.key.pem');
  const certificateFile = join(directory, 'gateway.crt.pem');
  const build = (key: string, pem: string, certificate: X509Certificate): GatewayTlsResult => ({
    ok: true,
    tls: {
      key,
      chain: `${pem.trim()}\n${info.value.ca.trim()}\n`,
      certificate,
      authority,
      orderKey: info.value.orderKey,
    },
  });

  const stored = await read(keyFile);
  const storedCertificate = parseCertificate(await read(certificateFile));
  if (
    stored !== undefined &&
    storedCertificate !== undefined &&
    isKeyOf(stored, storedCertificate) &&
    storedCertificate.verify(authority.publicKey) &&
    !isDue(storedCertificate, clock.now())
  ) {
    return build(stored, storedCertificate.toString(), storedCertificate);
  }
  const keys = (stored === undefined ? undefined : await importKeys(stored)) ?? (await generateKeys());
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=Yagura gateway',
    keys,
    signingAlgorithm: SIGNATURE,
  });
  const issued = await signer.call('issue-gateway-certificate', { csr: csr.toString('pem') });
  if (!issued.ok) return issued;
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  await replace(keyFile, key);
  await replace(certificateFile, issued.value.certificate);
  return build(key, issued.value.certificate, new X509Certificate(issued.value.certificate));
}

/** True from two thirds of the certificate's life on. */
export function isDue(certificate: X509Certificate, now: number): boolean {
  const from = certificate.validFromDate.getTime();
  const to = certificate.validToDate.getTime();
  return now < from || now > from + ((to - from) * 2) / 3;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
}

/** The key pair of a PKCS#8 file, or nothing if it is not a P-256 key. */
async function importKeys(pem: string): Promise<webcrypto.CryptoKeyPair | undefined> {
  try {
    const jwk = createPrivateKey(pem).export({ format: 'jwk' });
    if (jwk.crv !== KEY.namedCurve) return undefined;
    const { d: _, ...publicJwk } = jwk;
    return {
      privateKey: await webcrypto.subtle.importKey('jwk', jwk, KEY, true, ['sign']),
      publicKey: await webcrypto.subtle.importKey('jwk', publicJwk, KEY, true, ['verify']),
    };
  } catch {
    return undefined;
  }
}

function isKeyOf(pem: string, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(pem));
  } catch {
    return false;
  }
}

function parseCertificate(pem: string | undefined): X509Certificate | undefined {
  try {
    return pem === undefined ? undefined : new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function replace(file: string, content: string): Promise<void> {
  const temporary = `${file}.new`;
  await rm(temporary, { force: true });
  await writeFile(temporary, content, { mode: 0o600, flag: 'wx', flush: true });
  await chmod(temporary, 0o600);
  await rename(temporary, file);
}
