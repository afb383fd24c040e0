import type { Module } from './module-graph.ts';

/** One boundary of DESIGN section 3: files that match `from` may import only what `allows` accepts. */
interface Boundary {
  readonly name: string;
  readonly from: RegExp;
  readonly allows: (target: string, from: string) => boolean;
}

/** No clock, no process, no files: the same answer to the same question everywhere. */
const PURE_LIBRARIES: ReadonlySet<string> = new Set(['@yagura/protocol', 'zod', 'yaml', 're2js']);

/**
 * What lies below the sensors and knows of none of them: system calls and names (native), the injected clock
 * and files that survive a power loss (platform), and what has to outlive a run or be shared by the sensors of
 * one machine, such as the process table and the positions in logs (state).
 */
const BELOW_SENSORS = /^endpoint-agent\/src\/(native|platform|state)\//;

const SENSOR_SYSTEMS = /^endpoint-agent\/src\/sensors\/(linux|windows|darwin|portable|replay)\//;
const CONTEXT = /^console\/src\/contexts\/([^/]+)\//;

const isPackage = (target: string): boolean =>
  !/^(protocol|endpoint-agent|console|test|scripts|installers)\//.test(target);
const below = (target: string, folder: string): boolean => target.startsWith(folder);

export const BOUNDARIES: readonly Boundary[] = [
  {
    name: 'protocol imports its schema library and nothing else',
    from: /^protocol\/src\//,
    allows: (target) => target === 'zod' || below(target, 'protocol/src/'),
  },
  {
    // zod because stories of a former run come back as plain data, which is checked before it is believed.
    name: 'core is pure: protocol, core and pure libraries',
    from: /^endpoint-agent\/src\/core\//,
    allows: (target) => PURE_LIBRARIES.has(target) || below(target, 'endpoint-agent/src/core/'),
  },
  {
    name: 'agent and console never import each other',
    from: /^endpoint-agent\//,
    allows: (target) => !target.startsWith('@yagura/console') && !below(target, 'console/'),
  },
  {
    name: 'console and agent never import each other',
    from: /^console\//,
    allows: (target) => !target.startsWith('@yagura/endpoint-agent') && !below(target, 'endpoint-agent/'),
  },
  {
    name: 'a sensor imports its own system, the interface, protocol and what lies below all sensors',
    from: SENSOR_SYSTEMS,
    allows: (target, from) => {
      if (isPackage(target)) return true;
      const own = SENSOR_SYSTEMS.exec(from)?.[0] ?? '';
      return (
        below(target, own) || BELOW_SENSORS.test(target) || /^endpoint-agent\/src\/sensors\/[^/]+\.ts$/.test(target)
      );
    },
  },
  {
    name: 'what lies below the sensors imports nothing that lies above',
    from: BELOW_SENSORS,
    allows: (target) =>
      isPackage(target) ||
      BELOW_SENSORS.test(target) ||
      /^endpoint-agent\/src\/(core\/|store\/|sensors\/sensor\.ts$)/.test(target),
  },
  {
    name: 'only the service chooses a system',
    from: /^endpoint-agent\/src\/(?!service\/|sensors\/|cli\/)/,
    allows: (target) => !SENSOR_SYSTEMS.test(target),
  },
  {
    name: 'contexts import each other through api.ts only',
    from: CONTEXT,
    allows: (target, from) => {
      const own = CONTEXT.exec(from)?.[1];
      const other = CONTEXT.exec(target)?.[1];
      return other === undefined || other === own || target.endsWith('/api.ts');
    },
  },
  {
    name: 'domain imports no store',
    from: /^console\/src\/contexts\/[^/]+\/domain\//,
    allows: (target) => !/(^|\/)store(\.ts|\/)/.test(target) && target !== 'kysely' && target !== 'sqlite3',
  },
  {
    name: 'the web imports protocol, the interface and itself',
    from: /^console\/src\/web\//,
    allows: (target) =>
      isPackage(target)
        ? !target.startsWith('node:') && (!target.startsWith('@yagura/') || target === '@yagura/protocol')
        : below(target, 'console/src/web/') || below(target, 'console/src/api/'),
  },
  {
    name: 'production never imports test',
    from: /^(protocol|endpoint-agent|console|installers)\//,
    allows: (target) => !below(target, 'test/') && !target.startsWith('@yagura/test') && target !== 'vitest',
  },
  {
    name: 'one driver file knows each database',
    from: /^(console\/src\/(?!store\/|signer\/)|endpoint-agent\/src\/(?!store\/))/,
    allows: (target) => target !== 'sqlite3' && target !== 'node:sqlite',
  },
];

/** Every import that a boundary forbids, as one readable line each. */
export function violations(modules: readonly Module[]): readonly string[] {
  return modules.flatMap((module) =>
    BOUNDARIES.filter((boundary) => boundary.from.test(module.path)).flatMap((boundary) =>
      module.imports
        .filter((target) => !boundary.allows(target, module.path))
        .map((target) => `${module.path} imports ${target}: ${boundary.name}`),
    ),
  );
}
