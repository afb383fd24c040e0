import { type Exclusion, LIMITS, type Story } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { withExclusion, withoutExclusion } from './exclusion-set.ts';
import { afterConfirmation, afterOutcome, shownState } from './order-state.ts';
import { proposeExclusions } from './propose-exclusions.ts';

const NOW = 1_000_000;
const exclusion = (id: string, rest: Partial<Exclusion> = {}): Exclusion => ({
  exclusionId: id,
  match: { by: 'rule', ruleId: id },
  owner: 'admin',
  reason: 'used',
  createdAt: 0,
  expiresAt: NOW + 1,
  ...rest,
});

describe('order states', () => {
  test('an order that nobody confirmed in time has expired; one that was has not', () => {
    expect(shownState({ state: 'waiting', expiresAt: NOW }, NOW)).toBe('expired');
    expect(shownState({ state: 'sent', expiresAt: NOW + 1 }, NOW)).toBe('sent');
    expect(shownState({ state: 'received', expiresAt: 0 }, NOW)).toBe('received');
    expect(shownState({ state: 'done', expiresAt: 0 }, NOW)).toBe('done');
  });

  test('[CM7] confirmations move an order on, never back', () => {
    expect(afterConfirmation('sent', true, 'accepted')).toBe('received');
    expect(afterConfirmation('waiting', false, 'order_expired')).toBe('refused');
    expect(afterConfirmation('sent', false, 'state_unwritable')).toBe('waiting');
    expect(afterConfirmation('done', false, 'order_replayed')).toBe('done');
    expect(afterConfirmation('failed', true, 'already_received')).toBe('failed');
  });

  test('[CM8] the first outcome is final', () => {
    expect(afterOutcome('received', { ok: true, code: 'done' })).toBe('done');
    expect(afterOutcome('waiting', { ok: false, code: 'not_found' })).toBe('failed');
    expect(afterOutcome('sent', { ok: false, code: 'refused' })).toBe('refused');
    expect(afterOutcome('done', { ok: false, code: 'io_error' })).toBe('done');
    expect(afterOutcome('refused', { ok: true, code: 'done' })).toBe('refused');
  });
});

describe('exclusion sets', () => {
  test('a new one joins the others; what has run out stays behind', () => {
    const set = { version: 3, exclusions: [exclusion('a'), exclusion('old', { expiresAt: NOW })] };
    const added = withExclusion(set, exclusion('b'), NOW);
    expect(added.ok && added.exclusions.map((one) => one.exclusionId)).toEqual(['a', 'b']);
  });

  test('one with the same match takes the place of the older', () => {
    const added = withExclusion(
      { version: 1, exclusions: [exclusion('a')] },
      { ...exclusion('a2'), match: exclusion('a').match },
      NOW,
    );
    expect(added.ok && added.exclusions.map((one) => one.exclusionId)).toEqual(['a2']);
  });

  test('an endpoint holds so many and no more', () => {
    const full = {
      version: 1,
      exclusions: Array.from({ length: LIMITS.exclusions }, (_, index) => exclusion(`e${index}`)),
    };
    expect(withExclusion(full, exclusion('one-more'), NOW)).toEqual({ ok: false, code: 'exclusion_limit' });
  });

  test('one that is not in force cannot be ended', () => {
    const set = { version: 1, exclusions: [exclusion('a'), exclusion('old', { expiresAt: NOW })] };
    expect(withoutExclusion(set, 'a', NOW)).toEqual({ ok: true, exclusions: [] });
    expect(withoutExclusion(set, 'old', NOW)).toEqual({ ok: false, code: 'exclusion_unknown' });
    expect(withoutExclusion(set, 'never', NOW)).toEqual({ ok: false, code: 'exclusion_unknown' });
  });
});

describe('proposals', () => {
  const sha256 = 'a'.repeat(64);
  const story: Pick<Story, 'files' | 'detections'> = {
    files: [
      { path: '/tmp/x', sha256, state: 'quarantined' },
      { path: '/tmp/copy', sha256, state: 'present' },
      { path: '/tmp/unread', state: 'gone' },
    ],
    detections: ['one', 'two', 'one'].map((ruleId, index) => ({
      detectionId: `d${index}`,
      rule: {
        ruleId,
        title: `Rule ${ruleId}`,
        source: 'sigma',
        severity: 'high',
        confidence: 'high',
        techniques: [],
        tactics: [],
      },
      event: {
        eventId: `e${index}`,
        logsource: { product: 'linux' },
        time: 1,
        fields: { Image: '/opt/app', TargetFilename: '' },
      },
      matched: [],
      time: 1,
    })),
  };

  test('are each named once, the most precise first', () => {
    expect(proposeExclusions(story).map((item) => item.match)).toEqual([
      { by: 'sha256', sha256 },
      { by: 'rule-path', ruleId: 'one', path: '/opt/app' },
      { by: 'rule-path', ruleId: 'two', path: '/opt/app' },
      { by: 'rule', ruleId: 'one' },
      { by: 'rule', ruleId: 'two' },
    ]);
  });

  test('stay a short list for a long story', () => {
    const files = Array.from({ length: 90 }, (_, index) => ({
      path: `/f${index}`,
      sha256: index.toString(16).padStart(64, '0'),
      state: 'present' as const,
    }));
    expect(proposeExclusions({ files, detections: story.detections })).toHaveLength(14);
  });
});
