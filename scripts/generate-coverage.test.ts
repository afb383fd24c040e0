import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { coveragePage } from './generate-coverage.ts';
import { ROOT } from './run-command.ts';

test('docs/coverage.md says what the sensors declare, each with its proof', () => {
  const page = coveragePage();
  expect(readFileSync(join(ROOT, 'docs', 'coverage.md'), 'utf8'), 'run node scripts/generate-coverage.ts').toBe(page);
  expect(page).not.toContain('`none`');
});
