import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../support/local-installation.ts';
import { type Run, runChild } from './run-child.ts';
import { writeRealisticSources, writeSmallSources } from './sources.ts';

/** Work that people do on a machine, done alike with and without the agent. */
export interface Workload {
  readonly name: string;
  /** In an empty folder of its own. Throws when this machine cannot do it. */
  prepare(folder: string): Promise<void> | void;
  run(folder: string): Promise<Run>;
}

/** How much of each; the small one takes seconds. */
export interface Amounts {
  readonly starts: number;
  readonly smallSources: number;
  readonly realisticSources: number;
  readonly files: number;
  readonly commits: number;
}

export const AMOUNTS: Record<'full' | 'quick', Amounts> = {
  full: { starts: 5_000, smallSources: 120, realisticSources: 24, files: 100_000, commits: 3_000 },
  quick: { starts: 1_000, smallSources: 40, realisticSources: 8, files: 10_000, commits: 500 },
};

const STARTS_PER_SECOND = 1_000;

export function workloads(amounts: Amounts): readonly Workload[] {
  return [
    {
      name: 'exec-1000-per-second',
      prepare: (folder) => {
        const source = join(import.meta.dirname, 'exec-latency.c');
        execFileSync('cc', ['-O2', '-o', join(folder, 'exec-latency'), source], { stdio: 'ignore' });
      },
      run: (folder) =>
        runChild(join(folder, 'exec-latency'), [String(amounts.starts), String(STARTS_PER_SECOND)], { cwd: folder }),
    },
    build('c-build-of-small-files', (folder) => writeSmallSources(folder, amounts.smallSources), '-O1'),
    build('c-build-of-realistic-files', (folder) => writeRealisticSources(folder, amounts.realisticSources), '-O2'),
    npmCi(),
    {
      name: 'git-clone',
      prepare: (folder) => {
        execFileSync('git', ['clone', '--quiet', '--bare', '--no-hardlinks', ROOT, join(folder, 'source.git')]);
      },
      run: async (folder) => {
        rmSync(join(folder, 'copy'), { recursive: true, force: true });
        return runChild('git', ['clone', '--quiet', '--no-local', 'source.git', 'copy'], { cwd: folder });
      },
    },
    script('file-churn', 'churn-child.ts', amounts.files),
    script('database', 'database-child.ts', amounts.commits),
  ];
}

/** As many compilers at a time as there are cores on the machines of the figures. */
function build(name: string, write: (folder: string) => void, level: string): Workload {
  const command = `ls *.c | xargs -P 2 -n 1 sh -c 'cc ${level} -c "$0" -o "$0.o"'`;
  return { name, prepare: write, run: (folder) => runChild('/bin/sh', ['-c', command], { cwd: folder }) };
}

function script(name: string, file: string, amount: number): Workload {
  const path = join(import.meta.dirname, file);
  return {
    name,
    prepare: () => {},
    run: (folder) => runChild(process.execPath, ['--no-warnings', path, folder, String(amount)], { cwd: folder }),
  };
}

/** Packages from a cache in the folder, filled beforehand: no network takes part in what is measured. */
function npmCi(): Workload {
  const npm = (folder: string, ...args: string[]) =>
    runChild('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--cache', join(folder, 'cache')], {
      cwd: join(folder, 'project'),
    });
  return {
    name: 'npm-ci',
    prepare: async (folder) => {
      mkdirSync(join(folder, 'project'));
      const manifest = { name: 'bench', version: '1.0.0', private: true, dependencies: { express: '5.3.0' } };
      writeFileSync(join(folder, 'project', 'package.json'), JSON.stringify(manifest));
      await npm(folder, 'install', '--prefer-offline');
      // What is asked for when there is a lock file is cached as well.
      await npm(folder, 'ci', '--prefer-offline');
    },
    run: (folder) => npm(folder, 'ci', '--offline'),
  };
}
