import type { InventoryItem } from '@yagura/protocol';
import { factsOf } from '../facts.ts';
import type { InventoryReader } from '../inventory-reader.ts';
import { namesIn, readText, readValue } from './read-text.ts';

const MAX_DEVICES = 256;
const MAX_MODULES = 1_000;
const HUB = '09';

/** Classes of USB interfaces (usb.org, defined class codes) that say what a device can do. */
const USB_CLASSES: Readonly<Record<string, string>> = {
  '01': 'audio',
  '02': 'communications',
  '03': 'input',
  '06': 'image',
  '07': 'printer',
  '08': 'storage',
  '0b': 'smart-card',
  '0e': 'video',
  e0: 'wireless',
};

/** USB devices that are plugged in, hubs apart. */
export const readUsbDevices: InventoryReader = (root) => {
  const devices = `${root}/sys/bus/usb/devices`;
  const names = namesIn(devices);
  return names
    .filter((name) => /^\d+-[\d.]+$/.test(name) && readValue(`${devices}/${name}/bDeviceClass`) !== HUB)
    .slice(0, MAX_DEVICES)
    .map((name): InventoryItem => {
      const at = (file: string) => readValue(`${devices}/${name}/${file}`);
      const classes = names
        .filter((other) => other.startsWith(`${name}:`))
        .map((other) => USB_CLASSES[readValue(`${devices}/${other}/bInterfaceClass`) ?? ''] ?? 'other');
      const serial = at('serial');
      return {
        category: 'usb-device',
        // The same stick in another socket is the same stick.
        key: `${at('idVendor')}:${at('idProduct')}:${serial ?? name}`.slice(0, 256),
        facts: factsOf({
          vendorId: at('idVendor'),
          productId: at('idProduct'),
          maker: at('manufacturer'),
          model: at('product'),
          serial,
          kinds: [...new Set(classes)].sort().join(' '),
        }),
      };
    });
};

/** Letters of a module's taint (Documentation/admin-guide/tainted-kernels.rst). */
export const readKernelModules: InventoryReader = (root) =>
  readText(`${root}/proc/modules`)
    .split('\n')
    .flatMap((line): InventoryItem[] => {
      const [name] = line.split(' ', 1);
      if (!name) return [];
      const taint = readValue(`${root}/sys/module/${name}/taint`) ?? '';
      const facts = factsOf({
        version: readValue(`${root}/sys/module/${name}/version`),
        isOutOfTree: taint.includes('O') || undefined,
        isUnsigned: taint.includes('E') || undefined,
        isProprietary: taint.includes('P') || undefined,
        isForced: taint.includes('F') || undefined,
      });
      return [{ category: 'kernel-module', key: name.slice(0, 256), facts }];
    })
    .slice(0, MAX_MODULES);
