import { request } from 'node:https';
import { ENROL_PATH, type EnrolRequest } from '@yagura/protocol';
import { type ConnectionRoute, GatewayAgent } from '../uplink/connect/gateway-connection.ts';

/** Bytes of an answer that are read. */
const ANSWER_LIMIT = 131_072;

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * `POST /enrol` over TLS that is verified against `ca` alone. Rejects with the connection's error, or an
 * error `answer_too_large`.
 */
export async function postEnrolment(
  route: ConnectionRoute,
  ca: string,
  enrolment: EnrolRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const body = Buffer.from(JSON.stringify(enrolment));
  return await new Promise((resolve, reject) => {
    const post = request(new URL(ENROL_PATH, route.gateway), {
      method: 'POST',
      agent: new GatewayAgent(route, { ca }, signal),
      headers: { 'content-type': 'application/json', 'content-length': body.length },
      signal,
    });
    post.on('error', reject);
    post.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_LIMIT)
          post.destroy(Object.assign(new Error('answer too large'), { code: 'answer_too_large' }));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    post.end(body);
  });
}
