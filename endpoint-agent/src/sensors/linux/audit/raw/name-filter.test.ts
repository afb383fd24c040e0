import { expect, test } from 'vitest';
import { nameFilter } from './name-filter.ts';

const ALIASES = [['/run', '/var/run']] as const;

test.each([
  ['/etc/ISSUE', true],
  ['/etc/issue.net', true],
  // As the engine folds letters.
  ['/etc/\u0130ssue', true],
  ['/etc/passwd', false],
  ['/home/a.b/.c', true],
  ['/home/aXb/.c', false],
])('%j is wanted: %j', (name, expected) => {
  expect(nameFilter(['/etc/issue', 'a.b/.c', '/x(y'], ALIASES).wants(name)).toBe(expected);
});

test('the other name of a directory, only where a rule writes it', () => {
  const filter = nameFilter(['/var/run/x.pid', 'both'], ALIASES);
  expect(filter.wantedOf('/run/x.pid')).toEqual(['/var/run/x.pid']);
  expect(filter.wantedOf('/run/both')).toEqual(['/run/both']);
  expect(filter.wantedOf('/runner/x.pid')).toEqual([]);
});

test('without texts nothing is wanted, with too many or unknown ones everything', () => {
  expect(nameFilter([], ALIASES).wants('/etc/issue')).toBe(false);
  expect(nameFilter('any', ALIASES).wantedOf('/run/x')).toEqual(['/run/x']);
  const many = Array.from({ length: 2_001 }, (_, index) => `/no/${index}`);
  expect(nameFilter(many, ALIASES).wants('/etc/issue')).toBe(true);
});
