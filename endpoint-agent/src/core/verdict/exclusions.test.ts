import type { Exclusion, ExclusionMatch } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { eventOf, ruleMatch } from '../../../../test/fakes/detections.ts';
import { applyExclusions } from './exclusions.ts';

const NOW = 1_000;
const HASH = 'ab'.repeat(32);

function exclude(match: ExclusionMatch, expiresAt = NOW + 1): Exclusion {
  return { exclusionId: `x-${match.by}`, match, owner: 'admin', reason: 'ours', createdAt: 1, expiresAt };
}

const vendor = { entityId: 'e', pid: 5, image: '/opt/vendor/tool', commandLine: 'tool' };

describe('applyExclusions', () => {
  test('takes out by rule, and counts what it took', () => {
    const result = applyExclusions(
      [ruleMatch('a'), ruleMatch('b')],
      eventOf('process_creation', vendor),
      [exclude({ by: 'rule', ruleId: 'a' })],
      NOW,
    );
    expect(result.kept.map(({ rule }) => rule.ruleId)).toEqual(['b']);
    expect(result.suppressed).toEqual([{ exclusionId: 'x-rule', ruleId: 'a' }]);
  });

  test.each<[string, ExclusionMatch, Record<string, string>]>([
    ['image', { by: 'rule-path', ruleId: 'a', path: '/opt/vendor/tool' }, {}],
    ['written file', { by: 'rule-path', ruleId: 'a', path: '/srv/f' }, { TargetFilename: '/srv/f' }],
    ['script', { by: 'rule-path', ruleId: 'a', path: '/srv/f.sh' }, { Image: '/bin/sh', CommandLine: 'sh /srv/f.sh' }],
    ['hash of its own field', { by: 'sha256', sha256: HASH }, { sha256: HASH.toUpperCase() }],
    ['hash of a list', { by: 'sha256', sha256: HASH }, { Hashes: `MD5=${'0'.repeat(32)},SHA256=${HASH}` }],
  ])('matches the %s exactly', (_, match, fields) => {
    const event = eventOf('process_creation', vendor, fields);
    expect(applyExclusions([ruleMatch('a')], event, [exclude(match)], NOW).kept).toEqual([]);
    expect(applyExclusions([ruleMatch('a')], event, [exclude(match, NOW)], NOW).kept).toHaveLength(1);
  });

  test.each<ExclusionMatch>([
    { by: 'rule-path', ruleId: 'a', path: '/opt/vendor' },
    { by: 'rule-path', ruleId: 'a', path: '/opt/vendor/' },
    { by: 'rule-path', ruleId: 'a', path: '/OPT/vendor/tool' },
    { by: 'rule-path', ruleId: 'other', path: '/opt/vendor/tool' },
    { by: 'rule', ruleId: 'A' },
    { by: 'sha256', sha256: HASH },
  ])('%j does not cover more than it says', (match) => {
    const event = eventOf('process_creation', vendor, { Hashes: `SHA256=x${HASH}`, Comment: HASH });
    expect(applyExclusions([ruleMatch('a')], event, [exclude(match)], NOW)).toMatchObject({
      kept: [{ rule: { ruleId: 'a' } }],
      suppressed: [],
    });
  });
});
