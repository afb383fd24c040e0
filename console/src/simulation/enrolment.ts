import { createHash, webcrypto, X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { ENROL_PATH, type EnrolmentToken, EnrolResponse, ErrorBody, GATEWAY_SERVER_NAME } from '@yagura/protocol';

import * as x509 from '../signer/x509.ts';

/** What a simulated endpoint holds, in memory only. */
export interface SimulatedIdentity {
  readonly tenantId: string;
  readonly endpointId: string;
  readonly key: string;
  readonly certificate: string;
}

/** The enrolment ended with this code of the gateway, or of the connection. */
export class SimulationError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'SimulationError';
    this.code = code;
  }
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
/** The gateway limits enrolments by address; a simulation comes from one. */
const RATE_LIMIT_PAUSE_MS = 2_000;

/** The CA of a gateway, taken from its chain and believed only by the token's fingerprint (SPEC EN3). */
export async function fetchAuthority(gateway: URL, fingerprint: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect(
      {
        host: gateway.hostname,
        port: Number(gateway.port || 443),
        servername: GATEWAY_SERVER_NAME,
        rejectUnauthorized: false,
      },
      () => {
        const issuer = socket.getPeerCertificate(true).issuerCertificate;
        socket.destroy();
        const found = createHash('sha256')
          .update(issuer?.raw ?? '')
          .digest('hex');
        if (issuer === undefined || found !== fingerprint) {
          reject(new SimulationError('gateway_untrusted', `${gateway.host} is not the gateway of this token`));
        } else resolve(new X509Certificate(issuer.raw).toString());
      },
    );
    socket.on('error', (error: NodeJS.ErrnoException) =>
      reject(new SimulationError('gateway_unreachable', `${gateway.host}: ${error.code ?? error.message}`)),
    );
  });
}

/** Enrols one endpoint with a key of its own. Waits while the gateway says `rate_limited`. */
export async function enrolSimulated(
  gateway: URL,
  ca: string,
  token: EnrolmentToken,
  hostname: string,
): Promise<SimulatedIdentity> {
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=simulated',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const body = JSON.stringify({
    secret: token.secret,
    csr: csr.toString('pem'),
    hostname,
    platform: 'linux',
    agentVersion: 'simulated',
  });
  for (;;) {
    const answer = await post(gateway, ca, body);
    if (answer.status === 200) {
      const { tenantId, endpointId, certificate } = EnrolResponse.parse(JSON.parse(answer.body));
      return { tenantId, endpointId, key, certificate };
    }
    const refusal = ErrorBody.safeParse(JSON.parse(answer.body));
    const code = refusal.success ? refusal.data.error.code : `http_${answer.status}`;
    if (code !== 'rate_limited') throw new SimulationError(code, `enrolment refused: ${code}`);
    await delay(RATE_LIMIT_PAUSE_MS);
  }
}

function post(gateway: URL, ca: string, body: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: gateway.hostname,
        port: gateway.port || 443,
        path: ENROL_PATH,
        method: 'POST',
        ca,
        servername: GATEWAY_SERVER_NAME,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on('error', reject);
      },
    );
    call.on('error', (error: NodeJS.ErrnoException) =>
      reject(new SimulationError('gateway_unreachable', `${gateway.host}: ${error.code ?? error.message}`)),
    );
    call.end(body);
  });
}
