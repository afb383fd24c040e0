import type { EventFields } from '@yagura/protocol';
import type { LogService, ServiceLine } from '../record.ts';
import { parseAccessTime } from '../time/parse-timestamp.ts';

/** `[24/Nov/2026:20:33:01 +0900] "`: servers escape quotes in what a client sent, so no client can write this. */
const TIME_AND_QUOTE = /\[\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "/;
const REQUEST = /^([A-Za-z]{1,32}) (.*?)(?: (HTTP\/\d(?:\.\d)?))?$/s;
const ADDRESS = /^[0-9A-Fa-f:.]{2,45}$/;
const HOST_AND_PORT = /^(\S{1,255}):(\d{1,5})$/;

/**
 * The common and combined formats of nginx and Apache, and Debian's `vhost_combined`, in the terms of W3C's
 * extended log that Sigma uses for `category: webserver`. As Sigma defines them, `cs-uri-query` is path and
 * query and `cs-uri-stem` is the path. Undefined when the line has another form.
 */
export function parseAccessLine(text: string, service: LogService): ServiceLine | undefined {
  const bracket = text.search(TIME_AND_QUOTE);
  if (bracket < 0) return undefined;
  const stamp = parseAccessTime(text.slice(bracket, bracket + 32));
  if (!stamp) return undefined;
  const request = quotedAt(text, bracket + stamp.length + 1);
  if (!request) return undefined;
  const [status = '', bytes = ''] = text.slice(request.end + 1, request.end + 64).split(' ', 2);
  const referer = quotedAfter(text, request.end);
  const agent = referer && quotedAfter(text, referer.end);
  return {
    time: stamp.time,
    resolution: stamp.resolution,
    service,
    category: 'webserver',
    fields: {
      Message: text,
      ...clientFields(text.slice(0, bracket).trimEnd()),
      ...requestFields(request.value),
      ...(/^\d{3}$/.test(status) ? { 'sc-status': Number(status) } : {}),
      ...(/^\d{1,15}$/.test(bytes) ? { 'sc-bytes': Number(bytes) } : {}),
      ...(known(referer?.value) ? { 'cs-referer': referer?.value } : {}),
      ...(known(agent?.value) ? { 'cs-user-agent': agent?.value } : {}),
    },
  };
}

/** `[vhost:port ]client ident user`; the user's name is what a client said and may hold spaces. */
function clientFields(text: string): EventFields {
  const words = text.split(' ');
  const vhost = ADDRESS.test(words[0] ?? '') ? undefined : HOST_AND_PORT.exec(words[0] ?? '');
  if (vhost) words.shift();
  const [client = '', , ...user] = words;
  const name = user.join(' ');
  return {
    ...(vhost?.[1] ? { 'cs-host': vhost[1] } : {}),
    ...(ADDRESS.test(client) ? { 'c-ip': client, SourceIp: client } : {}),
    ...(known(name) ? { 'cs-username': name } : {}),
  };
}

function requestFields(request: string): EventFields {
  const match = REQUEST.exec(request);
  if (!match) return {};
  const [, method = '', target = '', version] = match;
  const mark = target.indexOf('?');
  return {
    'cs-method': method,
    ...(known(target) ? { 'cs-uri-query': target, 'cs-uri-stem': mark < 0 ? target : target.slice(0, mark) } : {}),
    ...(version ? { 'cs-version': version } : {}),
  };
}

/** The quoted text that starts at `position`, with its escapes as written; `end` is behind the closing quote. */
function quotedAt(text: string, position: number): { readonly value: string; readonly end: number } | undefined {
  if (text[position] !== '"') return undefined;
  for (let at = position + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return { value: text.slice(position + 1, at), end: at + 1 };
  }
  return undefined;
}

function quotedAfter(text: string, position: number): { readonly value: string; readonly end: number } | undefined {
  const quote = text.indexOf('"', position);
  return quote < 0 ? undefined : quotedAt(text, quote);
}

function known(value: string | undefined): value is string {
  return value !== undefined && value !== '' && value !== '-';
}
