import type { InventoryItem } from '@yagura/protocol';
import { factsOf } from '../facts.ts';
import type { InventoryReader } from '../inventory-reader.ts';
import { linkName, namesIn, readText, readValue } from './read-text.ts';

/** Ends of cables into containers and virtual machines: they come and go with each of them. */
const TRANSIENT = /^(?:veth|cali|vnet|tap|lxc|fwln|fwpr|cni-?podman)\w*/;
const MAX_INTERFACES = 256;
/** Addresses that change by themselves within a day (if_inet6: IFA_F_TEMPORARY). */
const TEMPORARY = 0x01;

/** Network interfaces with their addresses. */
export const readNetwork: InventoryReader = (root) => {
  const net = `${root}/sys/class/net`;
  const addresses = ipv6Addresses(root);
  const ipv4 = ipv4Addresses(root);
  const gateway = defaultGateway(root);
  return namesIn(net)
    .filter((name) => !TRANSIENT.test(name) && name !== 'lo')
    .slice(0, MAX_INTERFACES)
    .map((name): InventoryItem => {
      const at = (file: string) => readValue(`${net}/${name}/${file}`);
      const kind = namesIn(`${net}/${name}`);
      return {
        category: 'network-interface',
        key: name.slice(0, 256),
        facts: factsOf({
          hardwareAddress: at('address') === '00:00:00:00:00:00' ? undefined : at('address'),
          state: at('operstate'),
          driver: linkName(`${net}/${name}/device/driver`),
          isWireless: kind.includes('wireless') || kind.includes('phy80211') || undefined,
          isVirtual: !kind.includes('device') || undefined,
          isPromiscuous: (Number(at('flags')) & 0x100) !== 0 || undefined,
          addresses: [...(ipv4.get(name) ?? []), ...(addresses.get(name) ?? [])].join(' '),
          gateway: gateway?.name === name ? gateway.address : undefined,
        }),
      };
    });
};

/** Local addresses stand in the routing trie; the routes of each interface say which is whose. */
function ipv4Addresses(root: string): Map<string, string[]> {
  const networks = readText(`${root}/proc/net/route`)
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter((fields) => fields.length > 7 && fields[1] !== '00000000')
    .map(([name = '', destination = '0', , , , , , mask = '0']) => ({
      name,
      destination: Number.parseInt(destination, 16),
      mask: Number.parseInt(mask, 16),
    }));
  const found = new Map<string, string[]>();
  const local = [...readText(`${root}/proc/net/fib_trie`).matchAll(/\|-- (\d+\.\d+\.\d+\.\d+)\n\s+\/32 host LOCAL/g)];
  for (const address of new Set(local.map((match) => match[1] ?? ''))) {
    if (address.startsWith('127.')) continue;
    const value = littleEndian(address);
    const network = networks
      .filter(({ destination, mask }) => (value & mask) >>> 0 === destination)
      .sort((a, b) => bits(b.mask) - bits(a.mask))[0];
    if (network) found.set(network.name, [...(found.get(network.name) ?? []), address]);
  }
  return found;
}

function ipv6Addresses(root: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of readText(`${root}/proc/net/if_inet6`).split('\n')) {
    const [address, , , , flags, name] = line.trim().split(/\s+/);
    if (!address || !name || !flags || (Number.parseInt(flags, 16) & TEMPORARY) !== 0) continue;
    const text = ipv6Text(address);
    if (text !== undefined) found.set(name, [...(found.get(name) ?? []), text]);
  }
  return found;
}

/** As URL does it: the shortest form of RFC 5952. */
function ipv6Text(hex: string): string | undefined {
  const groups = hex.match(/[0-9a-f]{4}/g);
  return groups?.length === 8 ? new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1) : undefined;
}

function defaultGateway(root: string): { readonly name: string; readonly address: string } | undefined {
  for (const line of readText(`${root}/proc/net/route`).split('\n').slice(1)) {
    const [name, destination, gateway] = line.split('\t');
    if (name && destination === '00000000' && gateway && gateway !== '00000000') {
      return { name, address: ipv4Text(Number.parseInt(gateway, 16)) };
    }
  }
  return undefined;
}

/** /proc/net/route writes addresses as the processor keeps them: the first byte is the lowest. */
function ipv4Text(value: number): string {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff).join('.');
}

function littleEndian(address: string): number {
  return address.split('.').reduce((value, part, index) => value | (Number(part) << (8 * index)), 0) >>> 0;
}

function bits(mask: number): number {
  return mask.toString(2).replaceAll('0', '').length;
}
