import { readFileSync } from 'node:fs';
import { arch, cpus, hostname, networkInterfaces, platform, release, totalmem } from 'node:os';
import type { Inventory } from '@yagura/protocol';
import { thisPlatform } from '../platform/this-platform.ts';
import { osRelease } from './os-release.ts';

/** This machine in brief. What the system does not tell is absent. */
export function takeInventory(now: number): Inventory {
  const distribution = osRelease(osReleaseText());
  const cpu = cpus()[0]?.model.trim();
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal)
    .map((address) => address.address)
    .slice(0, 64);
  return {
    time: now,
    platform: thisPlatform(),
    hostname: hostname().slice(0, 256),
    osName: (distribution['NAME'] ?? platform()).slice(0, 256),
    ...(distribution['VERSION'] ? { osVersion: distribution['VERSION'].slice(0, 256) } : {}),
    kernel: release().slice(0, 256),
    architecture: arch(),
    ...(cpu ? { cpu: cpu.slice(0, 256) } : {}),
    memoryBytes: totalmem(),
    addresses,
  };
}

function osReleaseText(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}
