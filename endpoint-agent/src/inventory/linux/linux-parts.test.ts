import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InventoryItem } from '@yagura/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../store/sqlite.ts';
import { readAccounts } from './accounts.ts';
import { readKernelModules, readUsbDevices } from './devices.ts';
import { readDisks } from './disks.ts';
import { readHardware } from './hardware.ts';
import { linuxInventoryParts } from './linux-parts.ts';
import { readNetwork } from './network.ts';
import { readSoftware } from './software.ts';
import { readSystem } from './system.ts';

const NO_LINUX = process.platform === 'linux' ? undefined : 'needs Linux';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'yagura-inventory-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}
const facts = (items: readonly InventoryItem[], category: string) =>
  Object.fromEntries(items.filter((item) => item.category === category).map(({ key, facts }) => [key, facts]));

describe('a machine as its files describe it', () => {
  test('hardware, without what makers leave as a filler', () => {
    put({
      'sys/class/dmi/id/sys_vendor': 'Dell Inc.\n',
      'sys/class/dmi/id/product_name': 'OptiPlex 7010\n',
      'sys/class/dmi/id/product_serial': 'To Be Filled By O.E.M.\n',
      'sys/class/dmi/id/chassis_type': '3\n',
      'proc/meminfo': 'MemTotal:       16318480 kB\nMemFree: 1 kB\n',
      'proc/cpuinfo': ['0', '1', '2', '3']
        .map(
          (n) =>
            `processor\t: ${n}\nmodel name\t: Intel(R) Core(TM) i5\nflags\t\t: fpu hypervisor\nphysical id\t: 0\ncore id\t\t: ${Number(n) >> 1}\n`,
        )
        .join('\n'),
    });
    expect(facts(readHardware(root), 'hardware')['machine']).toEqual({
      maker: 'Dell Inc.',
      model: 'OptiPlex 7010',
      chassis: 'desktop',
      processor: 'Intel(R) Core(TM) i5',
      processors: 4,
      cores: 2,
      memoryBytes: 16_318_480 * 1_024,
      isVirtual: true,
    });
  });

  test('the system, secure boot included', () => {
    put({
      'etc/os-release': 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\nVERSION_ID=\'24.04\'\nID=ubuntu\n',
      'proc/stat': 'cpu 1 2\nbtime 1700000000\n',
      'proc/sys/kernel/osrelease': '6.8.0-45-generic\n',
      'sys/kernel/security/lockdown': 'none [integrity] confidentiality\n',
      'etc/resolv.conf': '# x\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n',
      'run/reboot-required': '',
      'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c': '\u0006\0\0\0\u0001',
    });
    expect(facts(readSystem(root), 'system')['system']).toMatchObject({
      name: 'Ubuntu 24.04.1 LTS',
      version: '24.04',
      kernel: '6.8.0-45-generic',
      bootedAt: 1_700_000_000_000,
      firmware: 'efi',
      hasSecureBoot: true,
      isLockedDown: true,
      needsRestart: true,
      nameServers: '192.0.2.1 192.0.2.2',
    });
  });

  test('packages of dpkg that are installed, snaps and flatpaks; a status file cut in the middle gives what it has', async () => {
    put({
      'var/lib/dpkg/status': [
        'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2\nDescription: shell\n Version: 9\n',
        'Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n',
        'Package: linux-image\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 6.1\nSource: linux (6.1.2)\n',
        'Package: half\nStatus: install ok inst',
      ].join('\n'),
      'var/lib/flatpak/app/org.mozilla.firefox/x': '',
    });
    link('snap/core22/current', '1621');
    const software = facts(await readSoftware(root), 'software');
    expect(software).toEqual({
      'deb:bash:amd64': { name: 'bash', version: '5.2.15-2', architecture: 'amd64', format: 'deb' },
      'deb:linux-image:amd64': {
        name: 'linux-image',
        version: '6.1',
        architecture: 'amd64',
        source: 'linux',
        isHeld: true,
        format: 'deb',
      },
      'snap:core22': { name: 'core22', version: '1621', format: 'snap' },
      'flatpak:org.mozilla.firefox': { name: 'org.mozilla.firefox', format: 'flatpak' },
    });
  });

  const NO_RPM =
    spawnSync('rpmbuild', ['--version']).status === 0 || spawnSync('rpm', ['--version']).status === 0
      ? undefined
      : 'needs rpm';
  test.skipIf(NO_RPM)(
    `packages of a real rpm database${NO_RPM ? ` (${NO_RPM})` : ''}`,
    async () => {
      put({
        'x.spec':
          'Name: yagura-sample\nEpoch: 2\nVersion: 1.4\nRelease: 3\nSummary: s\nLicense: MIT\nVendor: Sample KK\nBuildArch: noarch\n%description\nd\n%files\n',
      });
      const db = join(root, 'var/lib/rpm');
      mkdirSync(db, { recursive: true });
      const rpm = (program: string, ...args: string[]) => spawnSync(program, args, { cwd: root, encoding: 'utf8' });
      const built = rpm('rpmbuild', '-bb', '--quiet', '--define', `_topdir ${root}/build`, 'x.spec');
      expect(built.status, built.stderr).toBe(0);
      const installed = rpm(
        'rpm',
        '--dbpath',
        db,
        '--justdb',
        '--nodeps',
        '-i',
        `${root}/build/RPMS/noarch/yagura-sample-1.4-3.noarch.rpm`,
      );
      expect(installed.status, installed.stderr).toBe(0);
      expect(facts(await readSoftware(root), 'software')).toEqual({
        'rpm:yagura-sample-1.4-3.noarch': {
          name: 'yagura-sample',
          version: '2:1.4-3',
          architecture: 'noarch',
          maker: 'Sample KK',
          installedAt: expect.any(Number),
          format: 'rpm',
        },
      });
    },
    180_000,
  );

  test('a file that is no rpm database, or one with hostile headers, costs nothing', async () => {
    put({ 'var/lib/rpm/rpmdb.sqlite': 'not a database' });
    expect(await readSoftware(root)).toEqual([]);
    rmSync(join(root, 'var/lib/rpm/rpmdb.sqlite'));
    const database = openStore(join(root, 'var/lib/rpm/rpmdb.sqlite'));
    database.exec('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)');
    const insert = database.prepare('INSERT INTO Packages (blob) VALUES (?)');
    for (const hex of [
      '',
      '00',
      'ffffffffffffffff',
      '0000000100000004000003e80000000600000fff00000001',
      '00000001000000ff',
    ]) {
      insert.run(Buffer.from(hex, 'hex'));
    }
    database[Symbol.dispose]();
    expect(await readSoftware(root)).toEqual([]);
  });

  test('accounts with their shells, groups and sudo rights', () => {
    put({
      'etc/passwd':
        'root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\ntaro:x:1000:1000:Taro,,,:/home/taro:/bin/bash\nhanako:x:1001:1001::/home/hanako:/bin/bash\nops:x:1002:1002::/home/ops:\ndba:x:1003:1003::/home/dba:/bin/sh\nbroken line\n',
      'etc/group': 'root:x:0:\nsudo:x:27:taro\nwww-data:x:33:\nops:x:1002:hanako,taro\n',
      'etc/sudoers':
        '# comment\nDefaults env_reset\nUser_Alias ADMINS = ops, \\\n  nobody\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\nADMINS ALL=(ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n',
      'etc/sudoers.d/web':
        'www-data ALL=(root) NOPASSWD: /usr/bin/systemctl restart nginx\n#1003 ALL=(postgres) /usr/bin/psql\n',
      'etc/sudoers.d/old.bak': 'hanako ALL=(ALL) ALL\n',
    });
    const items = readAccounts(root);
    const users = facts(items, 'user');
    expect(users['root']).toMatchObject({ id: 0, isSuperuser: true, sudo: 'all', mayLogIn: true });
    expect(users['toor']).toMatchObject({ id: 0, isSuperuser: true });
    expect(users['taro']).toMatchObject({ fullName: 'Taro', shell: '/bin/bash', sudo: 'all', groups: 'sudo ops' });
    expect(users['www-data']).toMatchObject({ mayLogIn: false, sudo: 'some-without-password' });
    expect(users['ops']).toMatchObject({ shell: '/bin/sh', sudo: 'all-without-password' });
    expect(users['dba']).toMatchObject({ sudo: 'some' });
    expect(users['hanako']).not.toHaveProperty('sudo');
    expect(facts(items, 'group')['ops']).toEqual({ id: 1002, members: 'hanako taro' });
    expect(Object.keys(users)).toHaveLength(7);
  });

  test('disks, and that a filesystem on LVM on LUKS is encrypted and /boot is not', () => {
    put({
      'sys/block/nvme0n1/size': '1000215216\n',
      'sys/block/nvme0n1/device/model': 'Samsung SSD 980  \n',
      'sys/block/nvme0n1/device/serial': 'S649NX0R\n',
      'sys/block/loop0/size': '8\n',
      'sys/devices/dm-1/dm/uuid': 'LVM-abc\n',
      'sys/devices/dm-0/dm/uuid': 'CRYPT-LUKS2-0123-luks-x\n',
      'sys/devices/nvme0n1p3/size': '1\n',
      'sys/devices/nvme0n1p2/size': '1\n',
      'proc/self/mountinfo': [
        '25 1 253:1 / / rw - ext4 /dev/mapper/vg-root rw',
        '26 25 259:2 / /boot rw - ext4 /dev/nvme0n1p2 rw',
        '27 25 0:22 / /run rw - tmpfs tmpfs rw',
        '28 25 253:1 /home /home rw - ext4 /dev/mapper/vg-root rw',
        '29 25 0:40 / /data rw - btrfs /dev/sdb rw',
      ].join('\n'),
    });
    link('sys/dev/block/253:1', '../../devices/dm-1');
    link('sys/dev/block/259:2', '../../devices/nvme0n1p2');
    link('sys/devices/dm-1/slaves/dm-0', '../../dm-0');
    link('sys/devices/dm-0/slaves/nvme0n1p3', '../../nvme0n1p3');
    const items = readDisks(root);
    expect(facts(items, 'disk')).toEqual({
      nvme0n1: { model: 'Samsung SSD 980', serial: 'S649NX0R', sizeBytes: 1_000_215_216 * 512 },
    });
    expect(facts(items, 'filesystem')).toEqual({
      '/': { device: '/dev/mapper/vg-root', type: 'ext4', isEncrypted: true, encryption: 'LUKS2' },
      '/boot': { device: '/dev/nvme0n1p2', type: 'ext4', isEncrypted: false },
      '/data': { device: '/dev/sdb', type: 'btrfs' },
    });
  });

  test('interfaces, USB devices and kernel modules', () => {
    put({
      'sys/class/net/eth0/address': '52:54:00:12:34:56\n',
      'sys/class/net/eth0/operstate': 'up\n',
      'sys/class/net/eth0/flags': '0x1103\n',
      'sys/class/net/eth0/device/x': '',
      'sys/class/net/veth12ab/address': '02:00:00:00:00:01\n',
      'proc/net/route':
        'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\neth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\neth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n',
      'proc/net/fib_trie': '  |-- 10.0.0.5\n     /32 host LOCAL\n  |-- 127.0.0.1\n     /32 host LOCAL\n',
      'proc/net/if_inet6':
        'fe80000000000000505400fffe123456 02 40 20 80     eth0\n20010db8000000000000000000000001 02 40 00 01     eth0\n',
      'sys/bus/usb/devices/usb1/bDeviceClass': '09\n',
      'sys/bus/usb/devices/1-2/bDeviceClass': '00\n',
      'sys/bus/usb/devices/1-2/idVendor': '0781\n',
      'sys/bus/usb/devices/1-2/idProduct': '5581\n',
      'sys/bus/usb/devices/1-2/product': 'Ultra\n',
      'sys/bus/usb/devices/1-2/serial': '4C53\n',
      'sys/bus/usb/devices/1-2:1.0/bInterfaceClass': '08\n',
      'sys/bus/usb/devices/1-3/bDeviceClass': '09\n',
      'proc/modules': 'ext4 1000000 1 - Live 0x0\nrootkit 16384 0 - Live 0x0 (OE)\n',
      'sys/module/rootkit/taint': 'OE\n',
    });
    expect(facts(readNetwork(root), 'network-interface')).toEqual({
      eth0: {
        hardwareAddress: '52:54:00:12:34:56',
        state: 'up',
        isPromiscuous: true,
        addresses: '10.0.0.5 fe80::5054:ff:fe12:3456',
        gateway: '10.0.0.1',
      },
    });
    expect(facts(readUsbDevices(root), 'usb-device')).toEqual({
      '0781:5581:4C53': { vendorId: '0781', productId: '5581', model: 'Ultra', serial: '4C53', kinds: 'storage' },
    });
    expect(facts(readKernelModules(root), 'kernel-module')).toEqual({
      ext4: {},
      rootkit: { isOutOfTree: true, isUnsigned: true },
    });
  });
});

describe.skipIf(NO_LINUX)(`this machine${NO_LINUX ? ` (${NO_LINUX})` : ''}`, () => {
  test('every part reads, and everything it says is valid', async () => {
    for (const part of linuxInventoryParts()) {
      const items = await part.read();
      for (const item of items) {
        expect(InventoryItem.safeParse(item).error, JSON.stringify(item)).toBeUndefined();
        expect(part.categories).toContain(item.category);
      }
    }
  });

  test('agrees with the programs of the system', async () => {
    const items: InventoryItem[] = [];
    for (const part of linuxInventoryParts()) items.push(...(await part.read()));
    const dpkg = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Package} ${Version} ${Architecture}\n'], {
      encoding: 'utf8',
    });
    const installed = (dpkg.stdout ?? '').split('\n').filter((line) => line.startsWith('installed '));
    const listed = items
      .filter(({ key }) => key.startsWith('deb:'))
      .map(({ facts }) => `installed ${facts['name']} ${facts['version']} ${facts['architecture']}`);
    expect(listed.toSorted()).toEqual(installed.toSorted());
    const id = spawnSync('id', ['-un'], { encoding: 'utf8' }).stdout.trim();
    expect(facts(items, 'user')[id]).toMatchObject({ id: process.getuid?.() });
    expect(facts(items, 'system')['system']).toMatchObject({
      kernel: spawnSync('uname', ['-r'], { encoding: 'utf8' }).stdout.trim(),
    });
  });

  test('a port that this process opens is listed with its program, and is gone afterwards', async () => {
    const ports = linuxInventoryParts().find(({ categories }) => categories.includes('listening-port'));
    for (const [host, name] of [
      ['127.0.0.1', '127.0.0.1'],
      ['::1', '[::1]'],
    ] as const) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, host, resolve);
      });
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : 0;
      const key = `tcp ${name}:${port}`;
      expect(facts((await ports?.read()) ?? [], 'listening-port')[key]).toMatchObject({
        port,
        image: process.execPath,
        userId: process.getuid?.(),
      });
      await new Promise((resolve) => server.close(resolve));
      expect(facts((await ports?.read()) ?? [], 'listening-port')).not.toHaveProperty(key);
    }
  });
});
