import { expect, test } from 'vitest';
import { EVERYDAY_LINUX, EVERYDAY_MACOS, EVERYDAY_WINDOWS } from '../../../../test/fakes/everyday-commands.ts';
import { OWN_RULES } from '../../../../test/fakes/own-rules.ts';
import { createSigmaEvaluator } from './sigma/create-sigma-evaluator.ts';

const pack = createSigmaEvaluator(OWN_RULES);

test.each([
  ['linux', EVERYDAY_LINUX, '/usr/bin/bash'],
  ['windows', EVERYDAY_WINDOWS, 'C:\\Windows\\explorer.exe'],
  ['macos', EVERYDAY_MACOS, '/bin/zsh'],
] as const)('everyday work on %s meets no rule', (product, commands, shell) => {
  const found = commands.flatMap(([Image, CommandLine, ParentImage = shell]) =>
    pack
      .evaluate({ logsource: { product, category: 'process_creation' }, fields: { Image, CommandLine, ParentImage } })
      .map(({ rule }) => `${rule.title}: ${CommandLine}`),
  );
  expect(commands.length).toBeGreaterThan(30);
  expect(found).toEqual([]);
});
