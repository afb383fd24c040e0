import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROVEN } from './coverage-proofs.ts';
import { coveragePage, declaredEvents, PAGE, proofOf, writtenPublicRules } from './generate-coverage.ts';
import { NO_PUBLIC_RULES, publicRulesPart } from './public-rules.ts';
import { ROOT } from './run-command.ts';

const written = readFileSync(PAGE, 'utf8');
const HINT = 'run node scripts/generate-coverage.ts';

test('docs/coverage.md says what the sensors declare, each with its proof', () => {
  expect(written, HINT).toBe(coveragePage(writtenPublicRules(written)));
});

test.skipIf(NO_PUBLIC_RULES !== undefined)(
  `docs/coverage.md says which public rules can fire${NO_PUBLIC_RULES ? ` (skipped: ${NO_PUBLIC_RULES})` : ''}`,
  () => {
    const part = publicRulesPart();
    expect(part.filter((line) => /^\| (linux|windows|macos) /.test(line))).toHaveLength(3);
    expect(written, HINT).toBe(coveragePage(part));
  },
);

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
