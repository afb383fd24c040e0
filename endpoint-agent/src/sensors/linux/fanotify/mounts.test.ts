import { expect, test } from 'vitest';
import { foreignMounts, mountName, mountsToMark, parseMountInfo, reachOf } from './mounts.ts';

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

test('a subvolume of btrfs has its number and its device', () => {
  const info = Buffer.from('27 1 0:39 /@ / rw - btrfs /dev/my\\040disk rw,space_cache=v2,subvolid=256,subvol=/@\n');
  expect(parseMountInfo(info)).toMatchObject([{ subvolume: 256n, source: Buffer.from('/dev/my disk') }]);
  const other = Buffer.from('27 1 8:1 / / rw - ext4 /dev/sda1 rw,subvolid=256\n');
  expect(parseMountInfo(other)[0]).not.toHaveProperty('subvolume');
});

const FOREIGN = Buffer.from(`50 1 254:0 / / rw - ext4 /dev/vda rw
51 50 0:60 / /tmp rw - tmpfs none rw
52 50 0:61 / /home/eve/web rw - fuse.evil evil rw,user_id=1000
53 52 0:62 / /home/eve/web/under rw - tmpfs none rw
54 50 0:63 / /home/eve/website rw - tmpfs none rw
55 50 0:64 / /share rw - nfs4 server:/ rw
56 50 0:65 / /proc rw - proc proc rw
57 50 0:66 / /box rw - overlay overlay rw,lowerdir=/a,upperdir=/var/up\\040per,workdir=/w
58 50 0:67 / /readonly rw - tmpfs none ro
59 52 0:68 / /home/eve/web/box rw - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/w
`);

test('of another namespace what the own one lacks is marked, but nothing that a user can make answer when he likes', () => {
  const mounts = parseMountInfo(FOREIGN).map((mount) => ({ ...mount, namespace: 7 }));
  const { toMark, unsafe, overlays } = foreignMounts(mounts, new Set(['254:0']));
  expect(toMark.map(mountName)).toEqual(['/tmp in mount namespace 7', '/home/eve/website in mount namespace 7']);
  expect(unsafe.map(({ mountPoint }) => mountPoint.toString())).toEqual([
    '/home/eve/web',
    '/home/eve/web/under',
    '/share',
    '/home/eve/web/box',
  ]);
  expect(overlays.map(({ upperDirectory }) => upperDirectory?.toString())).toEqual(['/var/up per']);
  expect(toMark.map((mount) => reachOf(mount, mount.mountPoint, () => 42)?.toString())[0]).toBe('/proc/42/root/tmp');
});
