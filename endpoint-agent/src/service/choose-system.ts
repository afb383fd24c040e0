import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { maskSecrets } from '../core/index.ts';
import type { InventoryPart } from '../inventory/inventory-parts.ts';
import { linuxInventoryParts } from '../inventory/linux/linux-parts.ts';
import { steerAllocator } from '../native/allocator.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createLinuxResponder } from '../responses/linux/create-linux-responder.ts';
import type { Responder } from '../responses/responder.ts';
import type { AuditDemand } from '../sensors/linux/audit/raw/audit-demand.ts';
import { createLinuxProcessTable, createLinuxSensors } from '../sensors/linux/index.ts';
import { watchPersistence } from '../sensors/linux/persistence/watch-persistence.ts';
import { createPortableSensors } from '../sensors/portable/index.ts';
import type { Sensor } from '../sensors/sensor.ts';
import type { LiveProcessTable } from '../state/create-process-table.ts';

export interface SystemParts {
  readonly sensors: readonly Sensor[];
  readonly processes: LiveProcessTable;
  readonly responder: Responder;
  /** What the machine is made of. */
  readonly inventory: readonly InventoryPart[];
  /** Changes with every boot. */
  readonly bootId: string;
  /** Told what the rules that are loaded from now on can use of a log that is only read where they ask for it. */
  readonly demandRecords: (demand: AuditDemand) => void;
  /** Gives the system back what was freed. */
  readonly returnMemory: () => void;
}

export interface SystemOptions {
  readonly stateDir: string;
  readonly ignorePaths: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

export type SystemResult =
  | { ok: true; system: SystemParts }
  | { ok: false; code: 'unsupported_system'; message: string };

/** The only place that knows which operating system this is. */
export async function chooseSystem(options: SystemOptions): Promise<SystemResult> {
  if (process.platform !== 'linux') {
    return { ok: false, code: 'unsupported_system', message: `the agent has no sensors for ${process.platform} yet` };
  }
  const { stateDir, clock, log } = options;
  // Before the first thread of ours begins and takes an arena.
  const allocator = steerAllocator();
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const bootId = readBootId();
  const processes = createLinuxProcessTable(clock);
  const note = (message: string, details: Readonly<Record<string, unknown>>): void => log.info(details, message);
  const captured =
    process.getuid?.() === 0
      ? createLinuxSensors({ stateDir, clock, processTable: processes, ignorePaths: options.ignorePaths, log: note })
      : { sensors: createPortableSensors({ clock, processTable: processes, log: note }), demandRecords: () => {} };
  const sensors = watchPersistence(captured.sensors, { stateDir, clock, log: note, mask: maskSecrets });
  const responder = await createLinuxResponder({
    stateDir: join(stateDir, 'responses'),
    clock,
    selfPid: process.pid,
    log,
    bootId,
    ownPaths: [stateDir, dirname(fileURLToPath(import.meta.url))],
  });
  const demandRecords = (demand: AuditDemand): void => captured.demandRecords(demand);
  const inventory = linuxInventoryParts();
  const returnMemory = (): void => allocator?.trim();
  return { ok: true, system: { sensors, processes, responder, bootId, inventory, demandRecords, returnMemory } };
}

/** Changes with every boot. Without /proc, a random one: then ids do not outlive this run. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomBytes(16).toString('hex');
  }
}
