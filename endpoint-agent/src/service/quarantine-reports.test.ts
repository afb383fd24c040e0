import type { ItemBody, QuarantineItem } from '@yagura/protocol';
import { expect, test } from 'vitest';
import { createQuarantineReports } from './quarantine-reports.ts';

function item(index: number, state: QuarantineItem['state'] = 'held'): QuarantineItem {
  return {
    quarantineId: `q-${index}`,
    path: `/tmp/${index}`,
    sha256: 'a'.repeat(64),
    size: 1,
    uid: 0,
    gid: 0,
    mode: 0o644,
    quarantinedAt: index,
    state,
  };
}

function reports() {
  const sent: ItemBody[] = [];
  const report = createQuarantineReports({ append: (bodies) => void sent.push(...bodies) });
  return { sent, report };
}

test('says each item once for each state, and again what was listed anew', () => {
  const { sent, report } = reports();
  report([item(1), item(2)]);
  report([item(1), item(2, 'restored')]);
  report([item(1)]);
  report([item(1), item(2, 'restored')]);
  expect(
    sent.flatMap((body) => (body.type === 'quarantine' ? [`${body.item.quarantineId} ${body.item.state}`] : [])),
  ).toEqual(['q-1 held', 'q-2 held', 'q-2 restored', 'q-2 restored']);
});

test('a full vault is looked through a few times, not once for each of its items', () => {
  const { sent, report } = reports();
  let looks = 0;
  const full = Array.from({ length: 2_000 }, (_, index) => {
    const { quarantineId, ...rest } = item(index);
    return {
      ...rest,
      get quarantineId() {
        looks += 1;
        return quarantineId;
      },
    };
  });
  report(full);
  report(full);
  expect(sent).toHaveLength(2_000);
  expect(looks).toBeLessThan(10 * full.length);
});
