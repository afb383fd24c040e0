export interface SocketAddress {
  readonly ip: string;
  readonly port: number;
}

const AF_INET = 2;
const AF_INET6 = 10;

/**
 * Decodes the `saddr` of a SOCKADDR record: a struct sockaddr in hexadecimal. The family stands in the
 * machine's byte order (little-endian on everything we run on), port and address in network order. Undefined
 * for other families and for addresses cut short.
 */
export function decodeSocketAddress(hex: string | undefined): SocketAddress | undefined {
  if (hex === undefined || !/^[0-9A-Fa-f]+$/.test(hex)) return undefined;
  return decodeSockaddr(Buffer.from(hex, 'hex'));
}

/** A struct sockaddr of the internet families, as the kernel has it in memory. */
export function decodeSockaddr(bytes: Buffer): SocketAddress | undefined {
  if (bytes.length < 8) return undefined;
  const family = bytes.readUInt16LE(0);
  const port = bytes.readUInt16BE(2);
  if (family === AF_INET) return { ip: [...bytes.subarray(4, 8)].join('.'), port };
  if (family !== AF_INET6 || bytes.length < 24) return undefined;
  const address = bytes.subarray(8, 24);
  // An IPv4 peer of a dual-stack socket is named as what it is, or rules on addresses would miss it.
  if (address.subarray(0, 10).every((byte) => byte === 0) && address.readUInt16BE(10) === 0xffff) {
    return { ip: [...address.subarray(12)].join('.'), port };
  }
  return { ip: formatIpv6(address), port };
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
export function formatIpv6(address: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(index * 2));
  let bestAt = -1;
  let bestLength = 1;
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length += 1;
    if (length > bestLength) [bestAt, bestLength] = [at, length];
    at += Math.max(0, length - 1);
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (bestAt === -1) return text(groups);
  return `${text(groups.slice(0, bestAt))}::${text(groups.slice(bestAt + bestLength))}`;
}
