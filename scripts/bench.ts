/** `npm run bench -- NAME`: runs one benchmark of test/bench, which prints one JSON object as its last line. */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildAll } from './build.ts';
import { ROOT, runCommand } from './run-command.ts';

const names = globSync('test/bench/*.ts', { cwd: ROOT })
  .map((file) => basename(file, '.ts'))
  .sort();
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- NAME\nNAME is one of: ${names.join(', ')}\n`);
  process.exitCode = 2;
} else {
  await buildAll();
  process.exitCode = await runCommand(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    join(ROOT, 'test/bench', `${name}.ts`),
    ...args,
  ]);
}
