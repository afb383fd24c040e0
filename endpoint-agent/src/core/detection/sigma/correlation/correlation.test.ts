import { describe, expect, test } from 'vitest';
import { createSigmaEvaluator, type SigmaEvaluator } from '../create-sigma-evaluator.ts';

/** A base rule that matches events whose field `Kind` is its name. */
const base = (name: string): string => `title: ${name}
name: ${name}
id: id-${name}
logsource: { product: linux, service: test }
detection:
    sel: { Kind: ${name} }
    condition: sel`;

const correlation = (body: string, head = 'title: Correlated\nid: corr'): string =>
  `${head}\nlevel: high\ncorrelation:\n${body.replace(/^\n|\n\s*$/g, '').replace(/^/gm, '    ')}`;

function load(...documents: readonly string[]): SigmaEvaluator {
  return createSigmaEvaluator([{ file: 'rules.yml', text: documents.join('\n---\n') }], { correlationClock: 'event' });
}

/** Feeds events `[seconds, kind, fields]`; returns at which of them the correlation came. */
function run(
  evaluator: SigmaEvaluator,
  events: readonly (readonly [number, string, Record<string, unknown>?])[],
  id = 'corr',
): readonly number[] {
  return events.flatMap(([seconds, kind, fields]) => {
    const event = {
      logsource: { product: 'linux', service: 'test' },
      time: seconds * 1_000,
      fields: { Kind: kind, Host: 'h', ...fields },
    };
    return evaluator
      .evaluate(event)
      .filter(({ rule }) => rule.ruleId === id)
      .map(() => seconds);
  });
}

function rejects(body: string): string | undefined {
  return load(base('a'), base('b'), correlation(body)).rejected[0]?.code;
}

describe('event_count', () => {
  const body = `
type: event_count
rules: [a]
group-by: [Host]
timespan: 10s
condition: { gte: 3 }`;
  test('counts within the timespan, for each group by itself', () => {
    const evaluator = load(base('a'), correlation(body));
    expect(evaluator.rejected).toEqual([]);
    const events = [
      [0, 'a'],
      [1, 'a', { Host: 'other' }],
      [5, 'a'],
      [10, 'a'],
      [12, 'a'],
    ] as const;
    // The event at 0 has left the window (0, 10] when the one at 10 comes.
    expect(run(evaluator, events)).toEqual([12]);
  });
  test('comes once for each timespan while the condition holds', () => {
    const evaluator = load(base('a'), correlation(body));
    expect(
      run(
        evaluator,
        Array.from({ length: 30 }, (_, i) => [i, 'a'] as const),
      ),
    ).toEqual([2, 12, 22]);
  });
  test('an event without the field by which it is grouped is counted as such', () => {
    const evaluator = load(base('a'), correlation(body.replace('Host', 'Missing')));
    expect(
      run(evaluator, [
        [0, 'a'],
        [1, 'a'],
        [2, 'a'],
      ]),
    ).toEqual([]);
    expect(evaluator.correlationCounters().eventsUngrouped).toBe(3);
  });
  test('reports what it grouped by', () => {
    const evaluator = load(base('a'), correlation(body.replace('gte: 3', 'gte: 1')));
    const logsource = { product: 'linux', service: 'test' };
    const [match] = evaluator.evaluate({ logsource, time: 1, fields: { Kind: 'a', Host: 'h' } });
    expect(match).toMatchObject({
      rule: { ruleId: 'corr', severity: 'high' },
      matched: [{ field: 'Host', value: 'h' }],
    });
  });
  test('a range and `eq` are bounds that hold together', () => {
    const range = load(base('a'), correlation(body.replace('gte: 3', 'gt: 1, lte: 2')));
    expect(
      run(range, [
        [0, 'a'],
        [1, 'a'],
        [2, 'a'],
      ]),
    ).toEqual([1]);
    const equal = load(base('a'), correlation(body.replace('gte: 3', 'eq: 2')));
    expect(
      run(equal, [
        [0, 'a'],
        [1, 'a'],
        [2, 'a'],
      ]),
    ).toEqual([1]);
  });
  test('`lt` is judged when the timespan is over', () => {
    const evaluator = load(base('a'), correlation(body.replace('gte: 3', 'lt: 3')));
    expect(
      run(evaluator, [
        [0, 'a'],
        [1, 'a'],
        [5, 'a', { Host: 'x' }],
      ]),
    ).toEqual([]);
    expect(evaluator.advance(9_999)).toEqual([]);
    const settled = evaluator.advance(10_000);
    expect(settled.map(({ match, event }) => [match.rule.ruleId, event.time])).toEqual([['corr', 1_000]]);
    expect(evaluator.advance(15_000)).toHaveLength(1);
    run(evaluator, [
      [20, 'a'],
      [21, 'a'],
      [22, 'a'],
    ]);
    expect(evaluator.advance(40_000)).toEqual([]);
  });
});

describe('value_count', () => {
  test('counts different values, and pairs of several fields', () => {
    const body = `
type: value_count
rules: [a]
group-by: [Host]
timespan: 1m
condition: { field: User, gte: 2 }`;
    const events = [
      [0, 'a', { User: 'eve', Domain: 'x' }],
      [1, 'a', { User: 'eve', Domain: 'y' }],
      [2, 'a', { User: 'bob', Domain: 'x' }],
    ] as const;
    expect(run(load(base('a'), correlation(body)), events)).toEqual([2]);
    const pairs = body.replace('field: User', 'field: [User, Domain]');
    expect(run(load(base('a'), correlation(pairs)), events)).toEqual([1]);
  });
});

describe('temporal', () => {
  const body = `
type: temporal
rules: [a, b]
group-by: [Host]
timespan: 10s`;
  test('takes any order within the timespan', () => {
    expect(
      run(load(base('a'), base('b'), correlation(body)), [
        [0, 'b'],
        [9, 'a'],
      ]),
    ).toEqual([9]);
    expect(
      run(load(base('a'), base('b'), correlation(body)), [
        [0, 'b'],
        [10, 'a'],
      ]),
    ).toEqual([]);
    const groups = [
      [0, 'b'],
      [1, 'a', { Host: 'x' }],
    ] as const;
    expect(run(load(base('a'), base('b'), correlation(body)), groups)).toEqual([]);
  });
  test('a condition says how many rules suffice', () => {
    const some = `${body.replace('[a, b]', '[a, b, c]')}\ncondition: { gte: 2 }`;
    const evaluator = load(base('a'), base('b'), base('c'), correlation(some));
    expect(
      run(evaluator, [
        [0, 'c'],
        [1, 'c'],
        [2, 'a'],
      ]),
    ).toEqual([2]);
  });
  test('an expression combines rules; with `not` it waits for the end of the timespan', () => {
    const either = `${body.replace('[a, b]', '[a, b, c]')}\ncondition: a and (b or c)`;
    const evaluator = load(base('a'), base('b'), base('c'), correlation(either));
    expect(
      run(evaluator, [
        [0, 'b'],
        [1, 'c'],
        [2, 'a'],
      ]),
    ).toEqual([2]);
    const without = load(base('a'), base('b'), correlation(`${body}\ncondition: a and not b`));
    expect(
      run(without, [
        [0, 'a'],
        [0, 'a', { Host: 'x' }],
        [5, 'b', { Host: 'x' }],
      ]),
    ).toEqual([]);
    expect(without.advance(10_000).map(({ match }) => match.matched)).toEqual([[{ field: 'Host', value: 'h' }]]);
  });
});

describe('temporal_ordered', () => {
  const body = `
type: temporal_ordered
rules: [a, b, c]
group-by: [Host]
timespan: 10s`;
  const evaluator = (): SigmaEvaluator => load(base('a'), base('b'), base('c'), correlation(body));
  test('wants the order of the rules', () => {
    expect(
      run(evaluator(), [
        [0, 'a'],
        [1, 'b'],
        [2, 'c'],
      ]),
    ).toEqual([2]);
    expect(
      run(evaluator(), [
        [0, 'a'],
        [1, 'c'],
        [2, 'b'],
      ]),
    ).toEqual([]);
    expect(
      run(evaluator(), [
        [0, 'b'],
        [1, 'a'],
        [2, 'b'],
        [3, 'a'],
        [4, 'c'],
      ]),
    ).toEqual([4]);
  });
  test('within the timespan', () => {
    expect(
      run(evaluator(), [
        [0, 'a'],
        [5, 'b'],
        [10, 'c'],
      ]),
    ).toEqual([]);
    expect(
      run(evaluator(), [
        [0, 'a'],
        [5, 'a'],
        [6, 'b'],
        [11, 'c'],
      ]),
    ).toEqual([11]);
  });
  test('events at the same time are in no order', () => {
    expect(
      run(evaluator(), [
        [0, 'a'],
        [0, 'b'],
        [0, 'c'],
      ]),
    ).toEqual([]);
  });
  test('an expression wants the order of the rules that were seen', () => {
    const either = `${body}\ncondition: a and (b or c)`;
    const load1 = (): SigmaEvaluator => load(base('a'), base('b'), base('c'), correlation(either));
    expect(
      run(load1(), [
        [0, 'a'],
        [1, 'c'],
      ]),
    ).toEqual([1]);
    expect(
      run(load1(), [
        [0, 'c'],
        [1, 'a'],
      ]),
    ).toEqual([]);
  });
});

describe('computed values', () => {
  const at = (type: string, condition: string): readonly number[] =>
    run(
      load(
        base('a'),
        correlation(
          `type: ${type}\nrules: [a]\ngroup-by: [Host]\ntimespan: 1h\ncondition: { field: Size, ${condition} }`,
        ),
      ),
      [10, '20', 60, 2, 'none', 8].map((Size, i) => [i, 'a', { Size }] as const),
    );
  test.each([
    ['value_sum', 'gt: 30', [2]],
    ['value_sum', 'gt: 100', []],
    ['value_avg', 'gte: 30', [2]],
    ['value_min', 'lte: 5', [3]],
    ['value_max', 'gte: 60', [2]],
    ['value_median', 'eq: 15', [1]],
    ['value_median', 'gte: 20', [2]],
    ['value_percentile', 'percentile: 50, eq: 10', [0]],
    ['value_percentile', 'percentile: 100, gt: 50', [2]],
    ['value_percentile', 'percentile: 25, lt: 10', [3]],
  ])('%s %s', (type, condition, expected) => {
    expect(at(type, condition)).toEqual(expected);
  });
  test('value_percentile without a percentile is the share of the value among all', () => {
    const body = 'type: value_percentile\nrules: [a]\ntimespan: 1h\ncondition: { field: Image, lte: 10 }';
    const events = Array.from({ length: 30 }, (_, i) => [i, 'a', { Image: i === 20 ? 'rare' : 'common' }] as const);
    expect(run(load(base('a'), correlation(body)), events)).toEqual([20]);
  });
});

describe('references', () => {
  const failed = correlation(
    'type: event_count\nrules: [a]\ngroup-by: [User]\ntimespan: 10m\ncondition: { gte: 3 }',
    'title: Failures\nname: failures\nid: failures',
  );
  test('correlations chain: many failures, then a success', () => {
    const chained = correlation('type: temporal_ordered\nrules: [failures, b]\ngroup-by: [User]\ntimespan: 10m');
    // The outer one stands first, as in the specification's example.
    const evaluator = load(chained, failed, base('a'), base('b'));
    expect(evaluator.rejected).toEqual([]);
    const events = [
      [0, 'b', { User: 'eve' }],
      [1, 'a', { User: 'eve' }],
      [2, 'a', { User: 'eve' }],
      [3, 'a', { User: 'eve' }],
      [4, 'b', { User: 'bob' }],
      [5, 'b', { User: 'eve' }],
    ] as const;
    expect(run(evaluator, events)).toEqual([5]);
  });
  test('aliases name a field for each rule, by name or id', () => {
    const body = `
type: temporal
rules: [a, id-b]
group-by: [address]
timespan: 10s
aliases:
    address: { a: Source, id-b: Target }`;
    const evaluator = load(base('a'), base('b'), correlation(body));
    expect(
      run(evaluator, [
        [0, 'a', { Source: 1, Target: 9 }],
        [1, 'b', { Source: 9, Target: 2 }],
      ]),
    ).toEqual([]);
    expect(run(evaluator, [[2, 'b', { Source: 9, Target: 1 }]])).toEqual([2]);
  });
  test('what a correlation refers to is silent, unless it generates', () => {
    const body = 'type: event_count\nrules: [a]\ntimespan: 10s\ncondition: { gte: 2 }';
    expect(
      run(
        load(base('a'), correlation(body)),
        [
          [0, 'a'],
          [1, 'a'],
        ],
        'id-a',
      ),
    ).toEqual([]);
    expect(
      run(
        load(base('a'), correlation(`${body}\ngenerate: true`)),
        [
          [0, 'a'],
          [1, 'a'],
        ],
        'id-a',
      ),
    ).toEqual([0, 1]);
  });
  test('what does not exist and what goes in circles is rejected, the rest loads', () => {
    const circle = (name: string, other: string): string =>
      correlation(
        `type: temporal\nrules: [a, ${other}]\ntimespan: 1s`,
        `title: ${name}\nname: ${name}\nid: id-${name}`,
      );
    const evaluator = load(base('a'), circle('x', 'y'), circle('y', 'x'), circle('z', 'nowhere'));
    expect(evaluator.loaded).toBe(1);
    expect(evaluator.rejected.map(({ code }) => code).toSorted()).toEqual([
      'reference_cycle',
      'reference_unresolved',
      'reference_unresolved',
    ]);
  });
});

test.each([
  ['type: near\nrules: [a]\ntimespan: 1s\ncondition: { gte: 1 }'],
  ['type: event_count\nrules: []\ntimespan: 1s\ncondition: { gte: 1 }'],
  ['type: event_count\nrules: [a, a]\ntimespan: 1s\ncondition: { gte: 1 }'],
  ['type: event_count\nrules: [a]\ntimespan: 1S\ncondition: { gte: 1 }'],
  ['type: event_count\nrules: [a]\ntimespan: 0s\ncondition: { gte: 1 }'],
  ['type: event_count\nrules: [a]\ntimespan: 90d\ncondition: { gte: 1 }'],
  ['type: event_count\nrules: [a]\ntimespan: 1s'],
  ['type: event_count\nrules: [a]\ntimespan: 1s\ncondition: { gte: many }'],
  ['type: event_count\nrules: [a]\ntimespan: 1s\ncondition: { field: X, gte: 1 }'],
  ['type: event_count\nrules: [a]\ntimespan: 1s\ncondition: { gte: 1000000 }'],
  ['type: event_count\nrules: [a]\ntimespan: 1s\ncondition: a'],
  ['type: value_count\nrules: [a]\ntimespan: 1s\ncondition: { gte: 1 }'],
  ['type: value_sum\nrules: [a]\ntimespan: 1s\ncondition: { field: X, percentile: 5, gte: 1 }'],
  ['type: value_percentile\nrules: [a]\ntimespan: 1s\ncondition: { field: X, percentile: 101, gte: 1 }'],
  ['type: temporal\nrules: [a, b]\ntimespan: 1s\ncondition: a and c'],
  ['type: temporal\nrules: [a, b]\ntimespan: 1s\ncondition: a and'],
  ['type: temporal\nrules: [a, b]\ntimespan: 1s\ngroup-by: {}'],
  ['type: temporal\nrules: [a, b]\ntimespan: 1s\naliases: { x: y }'],
  ['type: temporal\nrules: [a, b]\ntimespan: 1s\nunknown: 1'],
])('%j is rejected', (body) => {
  expect(rejects(body)).toBe('correlation_invalid');
});

describe('state', () => {
  const body = 'type: event_count\nrules: [a]\ngroup-by: [Host]\ntimespan: 1h\ncondition: { gte: 3 }';
  test('survives a restart as JSON', () => {
    const before = load(base('a'), correlation(body));
    run(before, [
      [0, 'a'],
      [1, 'a'],
    ]);
    const after = load(base('a'), correlation(body));
    expect(after.restoreState(JSON.parse(JSON.stringify(before.saveState())))).toBe(true);
    expect(run(after, [[2, 'a']])).toEqual([2]);
  });
  test.each([[null], ['x'], [{}], [{ version: 2 }], [{ version: 1, latest: 0, correlations: [{}] }]])(
    '%j is no saved state',
    (state) => {
      expect(load(base('a'), correlation(body)).restoreState(state)).toBe(false);
    },
  );
  test('is bounded: the quietest groups are forgotten and counted', () => {
    const evaluator = load(base('a'), correlation(body));
    for (let i = 0; i < 6_000; i += 1) run(evaluator, [[1, 'a', { Host: `host-${i}` }]]);
    expect(evaluator.correlationCounters().groupsForgotten).toBe(1_000);
    expect(
      run(evaluator, [
        [2, 'a', { Host: 'host-5999' }],
        [3, 'a', { Host: 'host-5999' }],
      ]),
    ).toEqual([3]);
  });
  test('a flood into one group takes bounded time', () => {
    const evaluator = load(base('a'), correlation(body.replace('gte: 3', 'gte: 9000')));
    const start = performance.now();
    expect(
      run(
        evaluator,
        Array.from({ length: 30_000 }, (_, i) => [i / 100, 'a'] as const),
      ),
    ).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
  test('late events are put in their place', () => {
    const evaluator = load(base('a'), correlation(body.replace('1h', '10s')));
    expect(
      run(evaluator, [
        [0, 'a'],
        [20, 'a'],
        [19, 'a'],
        [18, 'a'],
      ]),
    ).toEqual([18]);
  });
});
