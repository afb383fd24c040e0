import type { Detection, RuleFacts } from '@yagura/protocol';
import { LIMITS, ShortText } from '@yagura/protocol';
import { expect, test } from 'vitest';
import { storyTitle } from './story-title.ts';

function detection(rule: Partial<RuleFacts>): Detection {
  return {
    detectionId: 'd',
    rule: {
      ruleId: 'r',
      title: 'plain',
      source: 'sigma',
      severity: 'medium',
      confidence: 'medium',
      techniques: [],
      tactics: [],
      ...rule,
    },
    event: { eventId: 'e', logsource: { product: 'linux' }, time: 1, fields: {} },
    matched: [],
    time: 1,
  };
}

test('the most severe rule names the story', () => {
  const detections = [
    detection({ title: 'weak', severity: 'low' }),
    detection({ title: 'strong', severity: 'critical' }),
    detection({ title: 'middle', severity: 'high' }),
  ];
  expect(storyTitle({ detections })).toEqual({ en: 'strong' });
});

test('among equals the most certain, then the first', () => {
  const detections = [
    detection({ title: 'unsure', confidence: 'low' }),
    detection({ title: 'first sure', confidence: 'high' }),
    detection({ title: 'second sure', confidence: 'high' }),
  ];
  expect(storyTitle({ detections }).en).toBe('first sure');
});

test('own titles in both languages win over the upstream one', () => {
  const localTitle = { ja: '不審な接続', en: 'Suspicious connection' };
  expect(storyTitle({ detections: [detection({ title: 'upstream', localTitle })] })).toEqual(localTitle);
});

test('a long title is shortened to what fits, never in the middle of a character', () => {
  const localTitle = { ja: `${'あ'.repeat(LIMITS.shortText - 2)}😀😀`, en: 'x'.repeat(4_000) };
  const title = storyTitle({ detections: [detection({ localTitle })] });
  expect(ShortText.safeParse(title.ja).success).toBe(true);
  expect(ShortText.safeParse(title.en).success).toBe(true);
  expect(title.ja?.isWellFormed()).toBe(true);
  expect(title.ja?.endsWith('…')).toBe(true);
});
