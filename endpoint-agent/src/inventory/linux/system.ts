import { existsSync, readFileSync } from 'node:fs';
import { factsOf } from '../facts.ts';
import type { InventoryReader } from '../inventory-reader.ts';
import { osRelease } from '../os-release.ts';
import { linkName, readText, readValue } from './read-text.ts';

/** The operating system and how it was started. */
export const readSystem: InventoryReader = (root) => {
  const release = osRelease(readText(`${root}/etc/os-release`) || readText(`${root}/usr/lib/os-release`));
  const bootedAt = /^btime (\d+)$/m.exec(readText(`${root}/proc/stat`))?.[1];
  const facts = factsOf({
    name: release['PRETTY_NAME'] ?? release['NAME'],
    version: release['VERSION_ID'],
    distribution: release['ID'],
    kernel: readValue(`${root}/proc/sys/kernel/osrelease`),
    hostname: readValue(`${root}/proc/sys/kernel/hostname`),
    architecture: readValue(`${root}/proc/sys/kernel/arch`),
    timeZone: readValue(`${root}/etc/timezone`) ?? zoneOf(`${root}/etc/localtime`),
    bootedAt: bootedAt === undefined ? undefined : Number(bootedAt) * 1_000,
    firmware: existsSync(`${root}/sys/firmware/efi`) ? 'efi' : undefined,
    hasSecureBoot: secureBoot(root),
    securityModules: readValue(`${root}/sys/kernel/security/lsm`),
    isSelinuxEnforcing: flag(readValue(`${root}/sys/fs/selinux/enforce`)),
    isLockedDown:
      /\[(?:integrity|confidentiality)\]/.test(readText(`${root}/sys/kernel/security/lockdown`)) || undefined,
    loadsModules: existsSync(`${root}/proc/modules`),
    needsRestart: existsSync(`${root}/run/reboot-required`) || undefined,
    nameServers: [...readText(`${root}/etc/resolv.conf`).matchAll(/^nameserver\s+(\S+)/gm)].map((m) => m[1]).join(' '),
  });
  return [{ category: 'system', key: 'system', facts }];
};

function flag(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value === '1';
}

/** The variable's first four bytes are its attributes, the fifth its value (UEFI 2.10, 8.2). */
function secureBoot(root: string): boolean | undefined {
  try {
    const name = 'SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
    return readFileSync(`${root}/sys/firmware/efi/efivars/${name}`)[4] === 1;
  } catch {
    return undefined;
  }
}

function zoneOf(path: string): string | undefined {
  const name = linkName(path);
  return name === undefined || name === 'localtime' ? undefined : name;
}
