import { expect, test } from 'vitest';
import { mountName, mountsToMark, parseMountInfo } from './mounts.ts';

const INFO = Buffer.from(`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 254:0 /srv/data /bind rw - ext4 /dev/vda rw
31 27 254:1 /sub /half rw - xfs /dev/vdb rw
32 27 254:1 / /whole rw - xfs /dev/vdb rw
33 27 0:40 / /mnt/with\\040space\\134x rw master:2 propagate_from:3 - tmpfs none rw,size=4k
34 27 0:41 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/a
35 27 7:0 / /snap/core ro - squashfs /dev/loop0 ro
36 27 0:42 / /sys/fs/cgroup rw - cgroup2 cgroup rw
37 27 0:43 / /readonly-here ro - ext4 /dev/vdc rw
a line that is none

38 27 0:44 / /cut`);

test('one mount per filesystem that can hold files, the one of its whole tree', () => {
  const marked = mountsToMark(parseMountInfo(INFO));
  expect(marked.map(mountName)).toEqual(['/', '/whole', '/mnt/with space\\x', '/readonly-here']);
});

test('an overlay is marked where it is the root, as in a container', () => {
  const info = Buffer.from('1 0 0:41 / / rw - overlay overlay rw,lowerdir=/a\n');
  expect(mountsToMark(parseMountInfo(info)).map(mountName)).toEqual(['/']);
});

test('a mount point keeps its bytes', () => {
  const info = Buffer.concat([Buffer.from('1 0 0:9 / /mnt/'), Buffer.from([0xff]), Buffer.from(' rw - ext4 d rw\n')]);
  const [mount] = parseMountInfo(info);
  expect(mount?.mountPoint).toEqual(Buffer.concat([Buffer.from('/mnt/'), Buffer.from([0xff])]));
  expect(mount && mountName(mount)).toBe('/mnt/\\xff');
});
