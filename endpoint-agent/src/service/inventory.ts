import { readFileSync } from 'node:fs';
import { arch, cpus, hostname, networkInterfaces, platform, release, totalmem } from 'node:os';
import type { Inventory } from '@yagura/protocol';

const PLATFORM: Readonly<Record<string, Inventory['platform']>> = { linux: 'linux', darwin: 'macos', win32: 'windows' };

/** This machine in brief. What the system does not tell is absent. */
export function takeInventory(now: number): Inventory {
  const release_ = osRelease();
  const cpu = cpus()[0]?.model.trim();
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal)
    .map((address) => address.address)
    .slice(0, 64);
  return {
    time: now,
    platform: PLATFORM[platform()] ?? 'linux',
    hostname: hostname().slice(0, 256),
    osName: (release_['NAME'] ?? platform()).slice(0, 256),
    ...(release_['VERSION'] ? { osVersion: release_['VERSION'].slice(0, 256) } : {}),
    kernel: release().slice(0, 256),
    architecture: arch(),
    ...(cpu ? { cpu: cpu.slice(0, 256) } : {}),
    memoryBytes: totalmem(),
    addresses,
  };
}

/** os-release(5), as far as it is there. */
function osRelease(): Record<string, string> {
  let text = '';
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    return {};
  }
  const values: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)="?(.*?)"?$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) values[match[1]] = match[2];
  }
  return values;
}
