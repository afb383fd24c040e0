/**
 * Creates, writes, renames and deletes files, a thousand at a time, as unpacking, saving and cleaning up do.
 *
 * Usage: node churn-child.ts FOLDER COUNT
 */
import { mkdirSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.', count = '0'] = process.argv.slice(2);
const AT_ONCE = 1_000;
const content = Buffer.alloc(2_048, 'x');

for (let done = 0; done < Number(count); done += AT_ONCE) {
  const part = join(folder, `churn-${done}`);
  mkdirSync(part);
  for (let i = 0; i < AT_ONCE; i += 1) writeFileSync(join(part, `${i}.part`), content);
  for (let i = 0; i < AT_ONCE; i += 1) renameSync(join(part, `${i}.part`), join(part, `${i}.dat`));
  for (let i = 0; i < AT_ONCE; i += 1) unlinkSync(join(part, `${i}.dat`));
  rmdirSync(part);
}
