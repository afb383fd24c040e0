/**
 * Bundles what `npm start` runs: one file per process, so that a process can run where the clone cannot be
 * read, starts fast and keeps only its own code in memory. The web is built by Vite.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Native packages and those that read files beside themselves stay outside the bundles. */
const EXTERNAL = ['sqlite3', 'koffi'];

const BUNDLES: Record<string, Record<string, string>> = {
  'console/dist': {
    console: 'console/src/server/main.ts',
    'console-cli': 'console/src/cli/main.ts',
    signer: 'console/src/signer/main.ts',
  },
  'endpoint-agent/dist': {
    agent: 'endpoint-agent/src/service/main.ts',
    'agent-cli': 'endpoint-agent/src/cli/main.ts',
    'capture-worker': 'endpoint-agent/src/sensors/linux/capture/worker.ts',
  },
};

/** A fingerprint of everything that a build reads. */
function fingerprint(patterns: readonly string[]): string {
  const hash = createHash('sha256');
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT })).sort();
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  return hash.digest('hex');
}

async function once(name: string, outputs: string, inputs: readonly string[], run: () => Promise<void>): Promise<void> {
  const stamp = join(ROOT, outputs, `.${name}-built`);
  const wanted = fingerprint(inputs);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  mkdirSync(dirname(stamp), { recursive: true });
  await run();
  writeFileSync(stamp, wanted);
}

/**
 * A worker thread is a file of its own, named relative to its caller: `new URL('./worker.ts', import.meta.url)`.
 * In a bundle the caller moved, so the name becomes that of the worker's own bundle beside it.
 */
const workerFiles: Plugin = {
  name: 'worker-files',
  setup({ onLoad }) {
    onLoad({ filter: /\/(endpoint-agent|console)\/src\/.*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replaceAll(/new URL\('(\.[^']+)\.ts', import\.meta\.url\)/g, (_, name: string) => {
        const worker = join(dirname(path), name)
          .replace(/^.*\/src\//, '')
          .replaceAll('/', '-');
        return `new URL('./${worker}.mjs', import.meta.url)`;
      });
      return { contents, loader: 'ts' };
    });
  },
};

async function bundle(outdir: string, entries: Record<string, string>): Promise<void> {
  const options: BuildOptions = {
    absWorkingDir: ROOT,
    entryPoints: entries,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    external: EXTERNAL,
    sourcemap: false,
    minifySyntax: true,
    define: { 'globalThis.YAGURA_BUNDLED': 'true' },
    // CommonJS dependencies call require; an ES module has none of its own.
    banner: {
      js: "import { createRequire as __yaguraRequire } from 'node:module'; const require = __yaguraRequire(import.meta.url);",
    },
    logLevel: 'error',
    plugins: [workerFiles],
  };
  await build(options);
}

/** Builds everything that changed since the last time. */
export async function buildAll(): Promise<void> {
  for (const [outdir, entries] of Object.entries(BUNDLES)) {
    const workspace = dirname(outdir);
    await once(
      'server',
      outdir,
      ['protocol/src/**/*.ts', `${workspace}/src/**/*.ts`, 'package-lock.json', 'scripts/build.ts'],
      () => bundle(outdir, entries),
    );
  }
  await once(
    'web',
    'console/dist',
    [
      'protocol/src/**/*.ts',
      'console/src/{api,web}/**/*.{ts,tsx,css,html,svg}',
      'console/vite.config.ts',
      'package-lock.json',
    ],
    async () => {
      const { build: viteBuild } = await import('vite');
      await viteBuild({ configFile: join(ROOT, 'console/vite.config.ts'), logLevel: 'error' });
    },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAll();
