import { expect, test } from 'vitest';
import { timelineEntries } from './timeline-entries.ts';

type Input = Parameters<typeof timelineEntries>[0];

function input(over: Partial<Input> = {}): Input {
  const detection = { detectionId: 'd1', time: 1_000 };
  const action = { actionId: 'a1', endedAt: 1_000 };
  return {
    story: { detections: [detection], actions: [action] },
    orders: [{ orderId: 'o1', orderedAt: 61_500 }],
    times: { endpoint: 1_000, corrected: 61_000, received: 61_200, judged: 61_210 },
    ...over,
  } as unknown as Input;
}

test('the endpoint’s times are moved by its measured offset, so that one order holds for all', () => {
  expect(timelineEntries(input()).map(({ kind, time }) => [kind, time])).toEqual([
    ['detection', 61_000],
    ['action', 61_000],
    ['received', 61_200],
    ['order', 61_500],
  ]);
});

test('a closed incident ends with its closing', () => {
  expect(timelineEntries(input({ closedAt: 70_000 })).at(-1)).toEqual({ kind: 'closed', time: 70_000, key: 'closed' });
});
