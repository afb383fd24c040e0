import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROVEN } from './coverage-proofs.ts';
import { coveragePage, declaredEvents, proofOf } from './generate-coverage.ts';
import { ROOT } from './run-command.ts';

test('docs/coverage.md says what the sensors declare, each with its proof', () => {
  const page = coveragePage();
  expect(readFileSync(join(ROOT, 'docs', 'coverage.md'), 'utf8'), 'run node scripts/generate-coverage.ts').toBe(page);
});

test('every declared event is proven, and nothing is proven that is not declared', () => {
  const events = declaredEvents();
  expect(events.length).toBeGreaterThan(15);
  expect(events.filter((event) => proofOf(event) === undefined)).toEqual([]);
  const used = new Set(events.map((event) => proofOf(event)));
  expect(PROVEN.filter((proven) => !used.has(proven))).toEqual([]);
});

test.each(PROVEN.flatMap(({ proofs }) => proofs))('$file has the test "$title"', ({ file, title }) => {
  const source = readFileSync(join(ROOT, file), 'utf8');
  // In the source a title stands between quotes of some kind, or goes on with a reason to skip it.
  const quoted = ["'", '"', '`'].flatMap((quote) => [`${quote}${title}${quote}`, `${quote}${title}\${`]);
  expect(quoted.some((text) => source.includes(text))).toBe(true);
});
