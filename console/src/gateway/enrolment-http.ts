import type { IncomingMessage, ServerResponse } from 'node:http';
import { ENROL_PATH } from '@yagura/protocol';
import { type EnrolAnswer, type Enrolment, enrolRefusal } from './enrolment.ts';

/** Answers `POST /enrol`; everything else that is no WebSocket gets a 404. Never throws. */
export function serveEnrolment(
  enrolment: Enrolment,
  maxBytes: number,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  request.on('error', () => response.destroy());
  response.on('error', () => response.destroy());
  if (request.url !== ENROL_PATH || request.method !== 'POST') {
    return send(response, { status: 404, body: { error: { code: 'not_found', message: 'There is no such thing.' } } });
  }
  if (!enrolment.admits(request.socket.remoteAddress ?? 'unknown')) return send(response, enrolRefusal('rate_limited'));
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    return send(response, enrolRefusal('request_malformed'));
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else {
      request.pause();
      send(response, enrolRefusal('request_too_large'));
    }
  });
  request.on('end', () => {
    if (bytes > maxBytes) return;
    void enrolment.answer(parse(Buffer.concat(chunks))).then((answer) => send(response, answer));
  });
}

function send(response: ServerResponse, { status, body }: EnrolAnswer): void {
  if (response.headersSent) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    // What is left of a refused body is not read.
    ...(status === 200 ? {} : { connection: 'close' }),
  });
  response.end(text);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
