import { existsSync } from 'node:fs';
import { factsOf } from '../facts.ts';
import type { InventoryReader } from '../inventory-reader.ts';
import { readText, readValue } from './read-text.ts';

/** What makers put where they had nothing to say. */
const FILLER =
  /^(?:to be filled by o\.?e\.?m\.?|default string|system (?:product name|manufacturer|serial number|version)|not (?:specified|applicable|available)|none|o\.e\.m\.|0+|x+)$/i;

/** DMI as the kernel shows it, processor and memory. The serial number can be read by root alone. */
export const readHardware: InventoryReader = (root) => {
  const dmi = (name: string) => {
    const value = readValue(`${root}/sys/class/dmi/id/${name}`);
    return value === undefined || FILLER.test(value) ? undefined : value;
  };
  const cpu = readText(`${root}/proc/cpuinfo`);
  const memory = /^MemTotal:\s+(\d+) kB/m.exec(readText(`${root}/proc/meminfo`, 4_096))?.[1];
  const processors = cpu.match(/^processor\s*:/gm)?.length;
  const cores = new Set(
    [...cpu.matchAll(/^physical id\s*:\s*(\d+)[\s\S]*?^core id\s*:\s*(\d+)/gm)].map((m) => `${m[1]}:${m[2]}`),
  );
  const facts = factsOf({
    maker: dmi('sys_vendor'),
    model: dmi('product_name') ?? readValue(`${root}/sys/firmware/devicetree/base/model`)?.replaceAll('\\x00', ''),
    serial: dmi('product_serial'),
    boardModel: dmi('board_name'),
    chassis: CHASSIS[dmi('chassis_type') ?? ''],
    firmwareMaker: dmi('bios_vendor'),
    firmwareVersion: dmi('bios_version'),
    firmwareDate: dmi('bios_date'),
    processor: /^(?:model name|Model)\s*:\s*(.+)$/m.exec(cpu)?.[1],
    processors,
    cores: cores.size || undefined,
    memoryBytes: memory === undefined ? undefined : Number(memory) * 1_024,
    isVirtual: /^flags\s*:.*\bhypervisor\b/m.test(cpu) || undefined,
    hasTpm: existsSync(`${root}/sys/class/tpm/tpm0`) || undefined,
  });
  return [{ category: 'hardware', key: 'machine', facts }];
};

/** System enclosure types of the SMBIOS specification (7.4.1) that tell a kind of machine. */
const CHASSIS: Readonly<Record<string, string>> = {
  3: 'desktop',
  4: 'desktop',
  6: 'desktop',
  7: 'desktop',
  8: 'notebook',
  9: 'notebook',
  10: 'notebook',
  13: 'all-in-one',
  14: 'notebook',
  17: 'server',
  23: 'server',
  28: 'server',
  30: 'tablet',
  31: 'notebook',
  32: 'notebook',
  35: 'desktop',
};
