import { expect, test } from 'vitest';
import { subvolumeOf } from './btrfs-subvolumes.ts';

/** struct file_handle with a struct btrfs_fid: inode 257 of this subvolume. */
function handle(type: number, subvolume: bigint): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt32LE(20, 0);
  bytes.writeInt32LE(type, 4);
  bytes.writeBigUInt64LE(257n, 8);
  bytes.writeBigUInt64LE(subvolume, 16);
  return bytes;
}

test("a handle of btrfs names its subvolume, others' handles name none", () => {
  expect(subvolumeOf(handle(0x4d, 256n))).toBe(256n);
  expect(subvolumeOf(handle(0x4f, 0x1_0000_0001n))).toBe(0x1_0000_0001n);
  // ext4 and xfs: FILEID_INO32_GEN; also what is too short.
  expect(subvolumeOf(handle(1, 256n))).toBeUndefined();
  expect(subvolumeOf(handle(0x4d, 256n).subarray(0, 20))).toBeUndefined();
});
