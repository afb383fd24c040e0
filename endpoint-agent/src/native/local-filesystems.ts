/**
 * Filesystems that the kernel serves by itself from a local disk or memory. A file elsewhere is not touched: on
 * FUSE and network filesystems a hostile or dead server can hold every call for ever, and in /proc or /sys a
 * file is no file.
 */
export const LOCAL_FILESYSTEMS: ReadonlySet<string> = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'bcachefs',
  'f2fs',
  'zfs',
  'jfs',
  'nilfs2',
  'reiserfs',
  'tmpfs',
  'ramfs',
  'rootfs',
  'devtmpfs',
  'overlay',
  'aufs',
  'ecryptfs',
  'vfat',
  'msdos',
  'exfat',
  'ntfs',
  'ntfs3',
  'hfsplus',
  'iso9660',
  'udf',
  'squashfs',
  'erofs',
]);
