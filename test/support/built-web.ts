import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';

export interface BuiltWeb extends Disposable {
  readonly directory: string;
}

/** Builds the console's web from its source into a folder of its own: never a stale one, never one in use. */
export async function buildWeb(): Promise<BuiltWeb> {
  const directory = mkdtempSync(join(tmpdir(), 'yagura-web-'));
  await build({
    configFile: join(import.meta.dirname, '../../console/vite.config.ts'),
    logLevel: 'error',
    build: { outDir: directory, emptyOutDir: true },
  });
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
