import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OWN_RULES } from '../test/fakes/own-rules.ts';
import { OWN_RULES_PAGE, ownRulesPage } from './generate-own-rules.ts';

test('docs/own-rules.md lists every own rule as it is, with its lookalikes', () => {
  const written = readFileSync(OWN_RULES_PAGE, 'utf8');
  const rows = written.split('\n').filter((line) => line.includes('](../endpoint-agent/rules/'));
  expect(rows).toHaveLength(OWN_RULES.length);
  expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([]);
  expect(written, 'run node scripts/generate-own-rules.ts').toBe(ownRulesPage());
});
