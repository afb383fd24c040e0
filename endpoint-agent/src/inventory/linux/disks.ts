import { statfsSync } from 'node:fs';
import type { InventoryItem } from '@yagura/protocol';
import { LOCAL_FILESYSTEMS } from '../../native/local-filesystems.ts';
import { factsOf } from '../facts.ts';
import type { InventoryReader } from '../inventory-reader.ts';
import { linkName, namesIn, readNumber, readText, readValue } from './read-text.ts';

const SECTOR = 512;
const MAX_DEPTH = 8;
const MAX_FILESYSTEMS = 256;
/** Not disks: memory, images, and what other devices are made into. */
const NO_DISK = /^(?:loop|ram|zram|dm-|md|sr|fd|nbd)\d*/;

/**
 * Disks, and the filesystems on them with whether what they lie on is encrypted: the kernel's device mapper
 * says so by the device's uuid (`CRYPT-LUKS2-...`), through partitions, LVM and RAID.
 */
export const readDisks: InventoryReader = (root) => [...physicalDisks(root), ...filesystems(root)];

function physicalDisks(root: string): InventoryItem[] {
  const blocks = `${root}/sys/block`;
  return namesIn(blocks)
    .filter((name) => !NO_DISK.test(name) && (readNumber(`${blocks}/${name}/size`) ?? 0) > 0)
    .map((name) => {
      const at = (file: string) => readValue(`${blocks}/${name}/${file}`);
      return {
        category: 'disk' as const,
        key: name.slice(0, 256),
        facts: factsOf({
          maker: at('device/vendor'),
          model: at('device/model'),
          serial: at('device/serial') ?? at('serial') ?? at('wwid'),
          sizeBytes: (readNumber(`${blocks}/${name}/size`) ?? 0) * SECTOR,
          isRemovable: at('removable') === '1' || undefined,
          isRotating: at('queue/rotational') === '1' || undefined,
          bus: busOf(linkName(`${blocks}/${name}/device/subsystem`)),
        }),
      };
    });
}

function busOf(subsystem: string | undefined): string | undefined {
  return subsystem === undefined || subsystem === 'scsi' ? undefined : subsystem;
}

/** By the mount table of the agent's own namespace; the first mount of a device names it. */
function filesystems(root: string): InventoryItem[] {
  const seen = new Set<string>();
  const items: InventoryItem[] = [];
  for (const line of readText(`${root}/proc/self/mountinfo`).split('\n')) {
    const [front, back] = line.split(' - ');
    const [, , device, , mountPoint] = front?.split(' ') ?? [];
    const [type, source] = back?.split(' ') ?? [];
    if (!device || !mountPoint || !type || !isOnDisk(type, source) || seen.has(device)) continue;
    if (items.length >= MAX_FILESYSTEMS) break;
    seen.add(device);
    const lies = encryptionOf(root, device);
    items.push({
      category: 'filesystem',
      key: mountPoint.slice(0, 256),
      facts: factsOf({
        device: source,
        type,
        sizeBytes: root === '' ? sizeOf(mountPoint) : undefined,
        isEncrypted: lies.isKnown ? lies.by !== undefined : undefined,
        encryption: lies.by,
      }),
    });
  }
  return items;
}

function isOnDisk(type: string, source: string | undefined): boolean {
  return (
    LOCAL_FILESYSTEMS.has(type) &&
    !['tmpfs', 'ramfs', 'devtmpfs', 'overlay', 'squashfs'].includes(type) &&
    source !== 'none'
  );
}

/** Looks through the devices below: encrypted is what has an encrypted one under it on every way down. */
function encryptionOf(root: string, device: string): { readonly isKnown: boolean; readonly by?: string } {
  // Filesystems over several devices (btrfs, zfs) have a number of no device.
  if (namesIn(`${root}/sys/dev/block/${device}`).length === 0) return { isKnown: false };
  const by = encryptionBelow(`${root}/sys/dev/block/${device}`, 0);
  return by === undefined ? { isKnown: true } : { isKnown: true, by };
}

function encryptionBelow(folder: string, depth: number): string | undefined {
  const kind = /^CRYPT-([A-Z0-9]+)-/.exec(readValue(`${folder}/dm/uuid`) ?? '')?.[1];
  if (kind !== undefined) return kind;
  const below = namesIn(`${folder}/slaves`);
  if (below.length === 0 || depth >= MAX_DEPTH) return undefined;
  const kinds = below.map((name) => encryptionBelow(`${folder}/slaves/${name}`, depth + 1));
  return kinds.includes(undefined) ? undefined : kinds[0];
}

function sizeOf(mountPoint: string): number | undefined {
  try {
    const { blocks, bsize } = statfsSync(mountPoint);
    return blocks * bsize;
  } catch {
    return undefined;
  }
}
