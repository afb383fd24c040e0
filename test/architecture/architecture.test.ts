import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findCycle, parseModule, readModules } from './module-graph.ts';
import { BOUNDARIES, violations } from './rules.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const modules = readModules(ROOT, ['protocol/src', 'endpoint-agent/src', 'console/src', 'installers', 'scripts']);

describe('the project', () => {
  test('has modules in every workspace that the rules speak of', () => {
    for (const folder of [
      'protocol/src/',
      'endpoint-agent/src/core/',
      'endpoint-agent/src/sensors/linux/',
      'console/src/contexts/',
      'console/src/web/',
    ]) {
      expect(modules.filter((module) => module.path.startsWith(folder)).length, folder).toBeGreaterThan(2);
    }
  });
  test('keeps its boundaries', () => expect(violations(modules)).toEqual([]));
  test('has no cycles', () => expect(findCycle(modules)).toBeUndefined());
});

describe('the test itself', () => {
  /** One planted violation for each boundary; the table fails when a boundary has none. */
  const planted: Record<string, readonly [path: string, source: string]> = {
    'protocol imports its schema library and nothing else': ['protocol/src/a.ts', "import { join } from 'node:path';"],
    'core is pure: protocol, core and pure libraries': [
      'endpoint-agent/src/core/a.ts',
      "import { table } from '../state/process-table.ts';",
    ],
    'agent and console never import each other': [
      'endpoint-agent/src/uplink/a.ts',
      "import type { X } from '@yagura/console/api/index.ts';",
    ],
    'console and agent never import each other': [
      'console/src/gateway/a.ts',
      "export * from '../../../endpoint-agent/src/spool/spool.ts';",
    ],
    'a sensor imports its own system, the interface, protocol and what lies below all sensors': [
      'endpoint-agent/src/sensors/linux/a.ts',
      "import '../windows/b.ts';",
    ],
    'what lies below the sensors imports nothing that lies above': [
      'endpoint-agent/src/state/a.ts',
      "import { spool } from '../spool/spool.ts';",
    ],
    'only the service chooses a system': [
      'endpoint-agent/src/uplink/a.ts',
      "const x = await import('../sensors/linux/index.ts');",
    ],
    'contexts import each other through api.ts only': [
      'console/src/contexts/alerts/a.ts',
      "import { s } from '../fleet/store.ts';",
    ],
    'domain imports no store': ['console/src/contexts/alerts/domain/a.ts', "import { s } from '../store.ts';"],
    'the web imports protocol, the interface and itself': [
      'console/src/web/a.tsx',
      "import { readFileSync } from 'node:fs';",
    ],
    'production never imports test': [
      'console/src/server/a.ts',
      "import { fake } from '../../../test/fakes/clock.ts';",
    ],
    'one driver file knows each database': ['console/src/contexts/alerts/store.ts', "import sqlite3 from 'sqlite3';"],
  };
  test.each(BOUNDARIES.map((boundary) => boundary.name))('catches a planted violation: %s', (name) => {
    const [path, source] = planted[name] ?? ['', ''];
    expect(violations([parseModule(path, source)]).join('\n')).toContain(name);
  });
  test('sees a cycle', () => {
    const a = parseModule('console/src/a.ts', "import { b } from './b.ts';");
    const b = parseModule('console/src/b.ts', "export { a } from './a.ts';");
    expect(findCycle([a, b])).toEqual(['console/src/a.ts', 'console/src/b.ts', 'console/src/a.ts']);
    expect(findCycle([parseModule('console/src/a.ts', "import type { b } from './b.ts';"), b])).toBeUndefined();
  });
});
