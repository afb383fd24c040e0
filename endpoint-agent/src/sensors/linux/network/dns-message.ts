/** What a DNS query asks (RFC 1035). */
export interface DnsQuestion {
  readonly id: number;
  /** Without the final dot; bytes that are no printable ASCII as `\DDD`, as master files write them. */
  readonly name: string;
  /** Such as `A`; `TYPE65` for one without a name here. */
  readonly type: string;
}

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
const RESPONSE = 0x8000;
const OPCODE = 0x7800;
const TYPES: ReadonlyMap<number, string> = new Map([
  [1, 'A'],
  [2, 'NS'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [12, 'PTR'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [33, 'SRV'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [255, 'ANY'],
]);

/** The first question of a standard query; undefined for responses and for what is no well-formed query. */
export function readDnsQuestion(message: Buffer): DnsQuestion | undefined {
  if (message.length < HEADER_BYTES + 5) return undefined;
  if ((message.readUInt16BE(2) & (RESPONSE | OPCODE)) !== 0 || message.readUInt16BE(4) === 0) return undefined;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = message[at];
    // A pointer has no place in a first question.
    if (length === undefined || length > 63 || at - HEADER_BYTES > MAX_NAME_BYTES) return undefined;
    at += 1;
    if (length === 0) break;
    if (at + length > message.length) return undefined;
    labels.push(labelText(message.subarray(at, at + length)));
    at += length;
  }
  if (at + 4 > message.length) return undefined;
  const type = message.readUInt16BE(at);
  return { id: message.readUInt16BE(0), name: labels.join('.') || '.', type: TYPES.get(type) ?? `TYPE${type}` };
}

function labelText(bytes: Buffer): string {
  return [...bytes]
    .map((byte) => {
      if (byte === 0x2e || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
      return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
    })
    .join('');
}
