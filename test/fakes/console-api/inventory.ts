import type {
  EndpointDetail,
  EndpointInventory,
  EndpointInventoryQuery,
  InventoryRow,
} from '@yagura/console/api/index.ts';

const DAY_MS = 86_400_000;

/** A small machine: enough of each kind to look at. The same for every endpoint. */
function thingsOf(endpoint: EndpointDetail): InventoryRow[] {
  const at = endpoint.enrolledAt;
  const row = (category: InventoryRow['category'], key: string, facts: InventoryRow['facts']): InventoryRow => ({
    category,
    key,
    facts,
    firstSeenAt: at,
    changedAt: at,
  });
  return [
    row('disk', 'nvme0n1', { model: 'Samsung SSD 980', serial: 'S649NX0R', sizeBytes: 512_110_190_592 }),
    row('filesystem', '/', { device: '/dev/mapper/vg-root', type: 'ext4', isEncrypted: true, encryption: 'LUKS2' }),
    row('filesystem', '/boot', { device: '/dev/nvme0n1p2', type: 'ext4', isEncrypted: false }),
    row('hardware', 'machine', { maker: 'Dell Inc.', model: 'OptiPlex 7010', memoryBytes: 17_179_869_184 }),
    row('listening-port', 'tcp 0.0.0.0:22', { protocol: 'tcp', address: '0.0.0.0', port: 22, image: '/usr/sbin/sshd' }),
    ...Array.from({ length: 40 }, (_, n) =>
      row('software', `deb:package-${n}:amd64`, { name: `package-${n}`, version: `1.${n}`, format: 'deb' }),
    ),
    row('user', 'root', { id: 0, shell: '/bin/bash', isSuperuser: true, mayLogIn: true }),
    row('user', 'taro', { id: 1_000, shell: '/bin/bash', sudo: 'all', mayLogIn: true, groups: 'sudo' }),
  ];
}

export function inventoryOf(endpoint: EndpointDetail, query: EndpointInventoryQuery): EndpointInventory {
  const things = endpoint.inventory === undefined ? [] : thingsOf(endpoint);
  const shown = things.filter(
    (thing) =>
      (query.category === undefined || thing.category === query.category) &&
      (query.search === undefined || JSON.stringify(thing).includes(query.search)),
  );
  const counts: EndpointInventory['counts'] = {};
  for (const { category } of things) counts[category] = (counts[category] ?? 0) + 1;
  const limit = query.limit ?? 100;
  const from = Number(query.cursor ?? 0);
  const time = endpoint.enrolledAt + DAY_MS;
  const changes: EndpointInventory['changes'] =
    things.length === 0 || query.cursor !== undefined
      ? []
      : [
          {
            category: 'user',
            key: 'taro',
            kind: 'changed',
            before: { sudo: 'some' },
            after: { sudo: 'all' },
            time,
            receivedAt: time,
          },
          {
            category: 'usb-device',
            key: '0781:5581:4C53',
            kind: 'added',
            after: { model: 'Ultra', kinds: 'storage' },
            time,
            receivedAt: time,
          },
        ];
  return {
    counts,
    items: shown.slice(from, from + limit),
    ...(shown.length > from + limit ? { next: String(from + limit) } : {}),
    changes: changes.filter((change) => query.category === undefined || change.category === query.category),
  };
}
