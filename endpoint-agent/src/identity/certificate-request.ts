import { webcrypto } from 'node:crypto';

export interface KeyAndRequest {
  /** PKCS#8, PEM. */
  readonly privateKey: string;
  /** PKCS#10, PEM. */
  readonly csr: string;
}

/**
 * Makes a new P-256 key and a request that proves its possession. The library is loaded only here, since
 * an agent needs it a few times in its life and it costs memory for ever.
 */
export async function createKeyAndRequest(): Promise<KeyAndRequest> {
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  // The console names the endpoint; whatever stood here would be ignored (SPEC EN7).
  const request = await Pkcs10CertificateRequestGenerator.create(
    { name: 'CN=yagura-endpoint', keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } },
    webcrypto,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = pkcs8.match(/.{1,64}/g) ?? [];
  return {
    privateKey: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
    csr: request.toString('pem'),
  };
}
