/**
 * Bundles what `npm start` runs: one file per process, so that a process can run where the clone cannot be
 * read, starts fast and keeps only its own code in memory. The web is built by Vite.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { type BuildFailure, type BuildOptions, build, type Plugin } from 'esbuild';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Native packages and those that read files beside themselves stay outside the bundles. */
const EXTERNAL = ['sqlite3', 'koffi'];

const BUILD_PATIENCE_MS = 180_000;

const BUNDLES: Record<string, Record<string, string>> = {
  'console/dist': {
    console: 'console/src/server/main.ts',
    'console-cli': 'console/src/cli/main.ts',
    signer: 'console/src/signer/main.ts',
  },
  'endpoint-agent/dist': {
    agent: 'endpoint-agent/src/service/main.ts',
    'agent-cli': 'endpoint-agent/src/cli/main.ts',
    'packs-trial-worker': 'endpoint-agent/src/packs/trial-worker.ts',
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
  // A build that is broken off must not pass for the one before it.
  rmSync(stamp, { force: true });
  await run();
  writeFileSync(stamp, wanted);
}

/**
 * A worker thread is a file of its own, named relative to its caller: `new URL('./worker.ts', import.meta.url)`.
 * In a bundle the caller moved, so the name becomes that of the worker's own bundle beside it.
 */
const workerFiles: Plugin = {
  name: 'worker-files',
  setup(hooks) {
    hooks.onLoad({ filter: /\/(endpoint-agent|console)\/src\/.*\.ts$/ }, async ({ path }) => {
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

/** zod brings the messages of fifty languages; ours are English codes. They cost every process memory. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup(hooks) {
    hooks.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
      loader: 'js',
    }));
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
    // Comments in other scripts than Latin would make V8 hold the whole source in two bytes a character.
    minifyWhitespace: true,
    legalComments: 'none',
    define: { 'globalThis.YAGURA_BUNDLED': 'true' },
    // CommonJS dependencies call require; an ES module has none of its own.
    banner: {
      js: "import { createRequire as __yaguraRequire } from 'node:module'; const require = __yaguraRequire(import.meta.url);",
    },
    logLevel: 'error',
    plugins: [workerFiles, englishOnly],
  };
  await build(options);
}

/** Builds everything that changed since the last time; two at once in one clone take turns. */
export async function buildAll(): Promise<void> {
  const folder = join(ROOT, '.yagura');
  mkdirSync(folder, { recursive: true });
  using lock = new DatabaseSync(join(folder, 'build.lock'), { timeout: BUILD_PATIENCE_MS });
  lock.exec('BEGIN EXCLUSIVE');
  await buildChanged();
}

async function buildChanged(): Promise<void> {
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

/** One line of what is wrong; the bundlers have already printed the rest. */
function explain(error: unknown): string {
  if (error instanceof Error && 'errors' in error && Array.isArray(error.errors)) {
    const [first] = (error as BuildFailure).errors;
    const place = first?.location ? `${first.location.file}:${first.location.line}: ` : '';
    if (first) return `Error (build_failed): ${place}${first.text}`;
  }
  const system = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  return `Error (${/^E[A-Z]+$/.test(system ?? '') ? system : 'build_failed'}): ${message}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildAll();
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
}
