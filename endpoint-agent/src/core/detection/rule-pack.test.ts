import { compareSeverity, type EventFields, LIMITS, PLATFORMS } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { fixturesOf, namesOf, OWN_RULES, type OwnRule } from '../../../../test/fakes/own-rules.ts';
import { createSigmaEvaluator } from './sigma/create-sigma-evaluator.ts';

const pack = createSigmaEvaluator(OWN_RULES);
const rulesFor = (platform: OwnRule['platform']): readonly OwnRule[] =>
  OWN_RULES.filter((rule) => rule.platform === platform);

function loaded({ file }: OwnRule) {
  const rule = pack.rules.find(({ place }) => place.file === file);
  if (rule === undefined) throw new Error(`${file} was not loaded`);
  return rule;
}

/** What the rules say on an event of the log source that the given rule reads. */
function matchesOn(rule: OwnRule, fields: EventFields) {
  const { category, service } = loaded(rule).logsource;
  return pack.evaluate({ logsource: { product: rule.platform, category, service }, fields });
}

function ruleIdsOn(rule: OwnRule, fields: EventFields): readonly string[] {
  return matchesOn(rule, fields).map(({ rule: facts }) => facts.ruleId);
}

describe('the pack', () => {
  test('is complete, and every rule loads', () => {
    expect(pack.rejected).toEqual([]);
    expect(pack.loaded).toBe(OWN_RULES.length);
  });

  test.each([
    ['linux', 60],
    ['windows', 30],
    ['macos', 15],
  ] as const)('has for %s at least %i rules, each with its fixtures and for this system', (platform, least) => {
    const rules = rulesFor(platform);
    expect(rules.length).toBeGreaterThanOrEqual(least);
    expect(namesOf(platform, '.fixtures.json')).toEqual(rules.map(({ name }) => name));
    expect(new Set(rules.map((rule) => loaded(rule).logsource.product))).toEqual(new Set([platform]));
  });

  test('uses the sensors of every kind', () => {
    const kinds = PLATFORMS.map(
      (platform) =>
        new Set(rulesFor(platform).map((rule) => loaded(rule).logsource.category ?? loaded(rule).logsource.service)),
    );
    const expected = [
      ['file_access', 'file_event', 'network_connection', 'process_creation', 'sensor_tamper'],
      ['file_event', 'pipe_created', 'process_access', 'process_creation', 'ps_script', 'registry_set', 'security'],
      ['file_event', 'process_creation'],
    ];
    for (const [index, names] of expected.entries()) {
      for (const name of names) expect(kinds[index]).toContain(name);
    }
  });

  test.each(OWN_RULES)('$platform: $name says what people need to know, in both languages', (rule) => {
    const { facts } = loaded(rule);
    const { explanation, advice, localTitle } = facts;
    expect(facts.ruleId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(facts.author).toBe('Yagura');
    expect(facts.techniques.length).toBeGreaterThan(0);
    expect(facts.tactics.length).toBeGreaterThan(0);
    for (const text of [explanation, advice, localTitle]) {
      expect(text?.ja).toMatch(/[ぁ-んァ-ヶ一-龠]/);
      expect(text?.en).toMatch(/^[\x20-\x7e]+$/);
      expect(text?.ja).not.toContain('安全です');
    }
    expect(explanation?.ja).toMatch(/。$/);
    for (const key of ['status: test', 'description: ', 'references:', 'date: ', 'level: ', 'falsepositives:\n  - ']) {
      expect(rule.text).toContain(`\n${key}`);
    }
  });

  test.each(PLATFORMS)('for %s stops by itself only what is certain: high confidence is not the custom', (platform) => {
    const rules = rulesFor(platform).map((rule) => loaded(rule).facts);
    const stopping = rules.filter(
      ({ confidence, severity }) => confidence === 'high' && compareSeverity(severity, 'high') >= 0,
    );
    expect(stopping.length).toBeGreaterThan(rules.length / 6);
    expect(stopping.length).toBeLessThan(rules.length * (platform === 'linux' ? 0.5 : 0.6));
    expect(rules.filter(({ severity, confidence }) => severity === 'critical' && confidence !== 'high')).toEqual([]);
  });
});

describe.each(OWN_RULES)('$platform: $name', (rule) => {
  const { match, evasion = [], benign } = fixturesOf(rule);
  const { ruleId } = loaded(rule).facts;
  test.each(match)('finds %j', (fields) => {
    expect(ruleIdsOn(rule, fields)).toContain(ruleId);
  });
  test.each(evasion)('still finds %j', (fields) => {
    expect(ruleIdsOn(rule, fields)).toContain(ruleId);
  });
  test.each(benign)('leaves %j alone', (fields) => {
    expect(ruleIdsOn(rule, fields)).not.toContain(ruleId);
  });
});

test('each rule for Windows and macOS was tried in a disguise', () => {
  const untried = OWN_RULES.filter(({ platform }) => platform !== 'linux').filter((rule) => {
    const { match, evasion = [] } = fixturesOf(rule);
    const plain = new Set(match.map((fields) => JSON.stringify(fields)));
    return evasion.every((fields) => plain.has(JSON.stringify(fields)));
  });
  expect(untried.map(({ file }) => file)).toEqual([]);
});

test('no benign lookalike of any rule is stopped by another rule', () => {
  const stopped = OWN_RULES.flatMap((rule) =>
    fixturesOf(rule).benign.flatMap((fields) =>
      matchesOn(rule, fields)
        .filter(({ rule: { confidence, severity } }) => confidence === 'high' && compareSeverity(severity, 'high') >= 0)
        .map(({ rule: { title } }) => `${title}: ${JSON.stringify(fields)}`),
    ),
  );
  expect(stopped).toEqual([]);
});

test('hostile command lines of the largest size are judged in bounded time', () => {
  const patterns = [
    'a',
    ' ',
    '/',
    '|',
    'curl http://1.1.1.1/ ',
    'find / -exec ',
    "base64 -d '",
    '\n',
    '\u202e',
    '😀',
    '-c "',
    '>&',
  ];
  for (const pattern of patterns) {
    const fields = { Image: '/usr/bin/bash', CommandLine: pattern.repeat(LIMITS.fieldValue / pattern.length) };
    const before = performance.now();
    for (const product of PLATFORMS) pack.evaluate({ logsource: { product, category: 'process_creation' }, fields });
    expect(performance.now() - before, `pattern ${JSON.stringify(pattern)}`).toBeLessThan(5_000);
  }
});
