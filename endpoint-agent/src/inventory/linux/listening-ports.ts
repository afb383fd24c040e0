import { readlinkSync } from 'node:fs';
import type { InventoryItem } from '@yagura/protocol';
import { factsOf } from '../facts.ts';
import { namesIn, readText } from './read-text.ts';

interface Listener {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly inode: string;
  readonly uid: number;
}

const TCP_LISTEN = '0A';
const UDP_UNCONNECTED = '07';
/** Programs that only ask take UDP ports from here up (ip_local_port_range); they come and go. */
const FIRST_EPHEMERAL = 32_768;
const MAX_LISTENERS = 1_000;
const MAX_DESCRIPTORS = 500_000;
const DESCRIPTORS_AT_ONCE = 2_000;

/**
 * Ports that wait for connections, with the program behind each. Whose a socket is stands only in the
 * descriptors of all processes (a millisecond for a few hundred): they are looked through only when a socket
 * is new.
 */
export function createPortReader(): (root: string) => Promise<readonly InventoryItem[]> {
  let images = new Map<string, string>();
  return async (root) => {
    const listeners = readListeners(root);
    if (listeners.some(({ inode }) => !images.has(inode))) {
      images = await ownersOf(new Set(listeners.map(({ inode }) => inode)), root);
    }
    const items = new Map<string, InventoryItem>();
    for (const { protocol, address, port, inode, uid } of listeners) {
      const key = `${protocol} ${address}:${port}`;
      if (items.has(key)) continue;
      const facts = factsOf({ protocol, address, port, image: images.get(inode), userId: uid });
      items.set(key, { category: 'listening-port', key, facts });
    }
    return [...items.values()];
  };
}

function readListeners(root: string): Listener[] {
  const files = [
    ['tcp', 'tcp', TCP_LISTEN],
    ['tcp', 'tcp6', TCP_LISTEN],
    ['udp', 'udp', UDP_UNCONNECTED],
    ['udp', 'udp6', UDP_UNCONNECTED],
  ] as const;
  const listeners: Listener[] = [];
  for (const [protocol, file, state] of files) {
    for (const line of readText(`${root}/proc/net/${file}`, 4 * 1_048_576)
      .split('\n')
      .slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [hex, portHex] = fields[1]?.split(':') ?? [];
      const [uid, inode] = [fields[7], fields[9]];
      if (fields[3] !== state || !hex || !portHex || !uid || !inode) continue;
      const port = Number.parseInt(portHex, 16);
      if (protocol === 'udp' && port >= FIRST_EPHEMERAL) continue;
      if (listeners.length < MAX_LISTENERS) {
        listeners.push({ protocol, address: addressOf(hex), port, inode, uid: Number(uid) });
      }
    }
  }
  return listeners;
}

/** 32-bit words as the processor keeps them: the bytes of each stand backwards. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length === 4) return [...bytes].reverse().join('.');
  const words = Buffer.from(bytes).swap32();
  const groups = words.toString('hex').match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname;
}

async function ownersOf(inodes: ReadonlySet<string>, root: string): Promise<Map<string, string>> {
  // Remembered as unknown too, so that a socket of a hidden process is not searched for again each time.
  const images = new Map([...inodes].map((inode) => [inode, '']));
  let looked = 0;
  for (const pid of namesIn(`${root}/proc`).filter((name) => /^\d+$/.test(name))) {
    for (const fd of namesIn(`${root}/proc/${pid}/fd`)) {
      looked += 1;
      if (looked > MAX_DESCRIPTORS) return images;
      if (looked % DESCRIPTORS_AT_ONCE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      const inode = /^socket:\[(\d+)\]$/.exec(target(`${root}/proc/${pid}/fd/${fd}`) ?? '')?.[1];
      if (inode !== undefined && images.get(inode) === '') {
        images.set(inode, target(`${root}/proc/${pid}/exe`)?.replace(/ \(deleted\)$/, '') ?? '');
      }
    }
  }
  return images;
}

function target(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // Closed in between, or another user's.
  }
}
