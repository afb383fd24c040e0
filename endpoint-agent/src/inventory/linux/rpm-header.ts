/** What one header of rpm's database says of a package. */
export interface RpmPackage {
  readonly name: string;
  readonly epoch?: number;
  readonly version?: string;
  readonly release?: string;
  readonly architecture?: string;
  readonly vendor?: string;
  /** Seconds since the epoch. */
  readonly installedAt?: number;
}

/** Tag numbers of rpmtag.h. */
const TAG = { NAME: 1000, VERSION: 1001, RELEASE: 1002, EPOCH: 1003, INSTALLTIME: 1008, VENDOR: 1011, ARCH: 1022 };
const INT32 = 4;
const STRING = 6;
const ENTRY_BYTES = 16;
/** Limits of rpm itself (header.c): entries and bytes of data of one header. */
const MAX_ENTRIES = 0xffff;
const MAX_TEXT = 4_096;

/**
 * Reads the header blob of rpm's database (rpm's docs/manual/hregions.md): two big-endian counts, then index
 * entries of tag, type, offset and count, then the data. Undefined for what is none.
 */
export function readRpmHeader(blob: Uint8Array): RpmPackage | undefined {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  if (bytes.length < 8) return undefined;
  const entries = bytes.readUInt32BE(0);
  const dataAt = 8 + entries * ENTRY_BYTES;
  if (entries === 0 || entries > MAX_ENTRIES || dataAt + bytes.readUInt32BE(4) > bytes.length) return undefined;
  const found = new Map<number, string | number>();
  for (let at = 8; at < dataAt; at += ENTRY_BYTES) {
    const value = valueOf(bytes, bytes.readUInt32BE(at + 4), dataAt + bytes.readUInt32BE(at + 8));
    if (value !== undefined) found.set(bytes.readUInt32BE(at), value);
  }
  const text = (tag: number) => {
    const value = found.get(tag);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const number = (tag: number) => {
    const value = found.get(tag);
    return typeof value === 'number' ? value : undefined;
  };
  const name = text(TAG.NAME);
  if (name === undefined) return undefined;
  const epoch = number(TAG.EPOCH);
  const installedAt = number(TAG.INSTALLTIME);
  return {
    name,
    ...(epoch === undefined ? {} : { epoch }),
    ...optional('version', text(TAG.VERSION)),
    ...optional('release', text(TAG.RELEASE)),
    ...optional('architecture', text(TAG.ARCH)),
    ...optional('vendor', text(TAG.VENDOR)),
    ...(installedAt === undefined ? {} : { installedAt }),
  };
}

function optional<Name extends string>(name: Name, value: string | undefined): Partial<Record<Name, string>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, string>);
}

function valueOf(bytes: Buffer, type: number, at: number): string | number | undefined {
  if (type === INT32) return at + 4 <= bytes.length ? bytes.readUInt32BE(at) : undefined;
  if (type !== STRING || at >= bytes.length) return undefined;
  const end = bytes.indexOf(0, at);
  return end < 0 || end - at > MAX_TEXT ? undefined : bytes.toString('utf8', at, end);
}
