import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** A source file and what it imports: project paths for relative imports, package names for the rest. */
export interface Module {
  readonly path: string;
  readonly imports: readonly string[];
  /** Imports that vanish when types are stripped; they make no cycle at run time. */
  readonly typeOnly: ReadonlySet<string>;
}

const STATEMENT = /(?:^|\n)\s*(import|export)(\s+type)?\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"\n]+)['"]/g;
const DYNAMIC = /\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g;
const BARE = /(?:^|\n)import\s*['"]([^'"\n]+)['"]/g;

/** Reads every production module below the given folders of the project at `root`. */
export function readModules(root: string, folders: readonly string[]): readonly Module[] {
  const paths = folders.flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root }));
  return paths
    .filter((path) => !/\.test\.tsx?$|\.d\.ts$|(^|\/)(node_modules|build|dist)\//.test(path))
    .map((path) => parseModule(path, readFileSync(join(root, path), 'utf8')));
}

export function parseModule(path: string, source: string): Module {
  const imports = new Set<string>();
  const typeOnly = new Set<string>();
  const runtime = new Set<string>();
  const add = (specifier: string, isType: boolean): void => {
    const target = specifier.startsWith('.') ? relative('/', resolve('/', dirname(path), specifier)) : specifier;
    imports.add(target);
    (isType ? typeOnly : runtime).add(target);
  };
  for (const match of source.matchAll(STATEMENT)) add(match[3] ?? '', match[2] !== undefined);
  for (const match of source.matchAll(DYNAMIC)) add(match[1] ?? '', false);
  for (const match of source.matchAll(BARE)) add(match[1] ?? '', false);
  for (const target of runtime) typeOnly.delete(target);
  return { path, imports: [...imports], typeOnly };
}

/** The first cycle of run-time imports, as the list of its modules, or nothing. */
export function findCycle(modules: readonly Module[]): readonly string[] | undefined {
  const graph = new Map(
    modules.map((module) => [module.path, module.imports.filter((target) => !module.typeOnly.has(target))]),
  );
  const state = new Map<string, 'open' | 'done'>();
  const stack: string[] = [];
  const visit = (path: string): readonly string[] | undefined => {
    if (state.get(path) === 'done') return undefined;
    if (state.get(path) === 'open') return [...stack.slice(stack.indexOf(path)), path];
    state.set(path, 'open');
    stack.push(path);
    for (const target of graph.get(path) ?? []) {
      const cycle = graph.has(target) ? visit(target) : undefined;
      if (cycle) return cycle;
    }
    stack.pop();
    state.set(path, 'done');
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path);
    if (cycle) return cycle;
  }
  return undefined;
}
