/** An address as 128 bits in four unsigned words; IPv4 stands at the end and is marked by its family. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

export interface Network {
  readonly address: IpAddress;
  readonly prefix: number;
}

const LONGEST_ADDRESS = 64;

/** Reads dotted IPv4, or IPv6 with `::`, an IPv4 tail and a zone id (ignored); undefined for anything else. */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.length > LONGEST_ADDRESS) return undefined;
  if (!text.includes(':')) {
    const v4 = parseV4(text);
    return v4 === undefined ? undefined : { family: 4, words: [0, 0, 0, v4] };
  }
  return parseV6(text);
}

/** Reads `10.0.0.0/8`, `fe80::/10`, or a single address. Host bits may be set; they do not count. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  if (slash < 0) return { address, prefix: bits };
  const written = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(written)) return undefined;
  const prefix = Number(written);
  return prefix > bits ? undefined : { address, prefix };
}

/** An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) also belongs to IPv4 networks. */
export function networkContains(network: Network, address: IpAddress): boolean {
  const candidate = network.address.family === 4 ? asV4(address) : address;
  if (candidate === undefined || candidate.family !== network.address.family) return false;
  let bits = network.address.family === 4 ? network.prefix + 96 : network.prefix;
  for (let i = 0; i < 4 && bits > 0; i += 1) {
    const mask = bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
    const difference = ((network.address.words[i] as number) ^ (candidate.words[i] as number)) & mask;
    if (difference !== 0) return false;
    bits -= 32;
  }
  return true;
}

function asV4(address: IpAddress): IpAddress | undefined {
  if (address.family === 4) return address;
  const [a, b, c, d] = address.words;
  return a === 0 && b === 0 && c === 0xffff ? { family: 4, words: [0, 0, 0, d] } : undefined;
}

function parseV4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

function parseV6(text: string): IpAddress | undefined {
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  const halves = bare.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const word = (i: number): number => (groups[i] as number) * 0x10000 + (groups[i + 1] as number);
  return { family: 6, words: [word(0), word(2), word(4), word(6)] };
}

/** Groups of 16 bits; a dotted IPv4 address may be the last two. */
function parseGroups(text: string, mayEndInV4: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = mayEndInV4 && i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(Math.floor(v4 / 0x10000), v4 % 0x10000);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}
