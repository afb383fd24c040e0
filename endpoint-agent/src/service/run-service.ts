import { mkdirSync, renameSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { ItemBody, SensorHealth } from '@yagura/protocol';
import { combineEvaluators, createBehaviourEvaluator, createNormaliser, createStoryTracker } from '../core/index.ts';
import { createInventoryReporter } from '../inventory/inventory-reporter.ts';
import { takeInventory } from '../inventory/take-inventory.ts';
import { serveLocalApi } from '../local-api/server.ts';
import { LOCAL_SOCKET } from '../local-api/status.ts';
import { systemClock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { keepMemorySmall } from '../platform/memory-keeper.ts';
import { randomHex, systemRandom } from '../platform/random.ts';
import { thisPlatform } from '../platform/this-platform.ts';
import { createFileHasher } from '../scanner/file-hasher.ts';
import type { Sensor } from '../sensors/sensor.ts';
import { createSpool } from '../spool/create-spool.ts';
import { SpoolLockedError } from '../spool/open-spool-store.ts';
import { HISTORY_FILE, openHistory } from '../state/history/history.ts';
import { openInventoryRecord } from '../state/inventory-record.ts';
import { standardInputOf } from '../state/standard-input.ts';
import { openStoryStore } from '../state/story-store.ts';
import { createSystemPrograms, SYSTEM_PROGRAM_FOLDERS } from '../state/system-programs.ts';
import { createDemandFeed } from './audit-demand.ts';
import { chooseSystem } from './choose-system.ts';
import type { AgentConfig } from './config.ts';
import { connectConsole } from './connect-console.ts';
import { createContainment } from './containment.ts';
import { createCorrelations, type LiveCorrelations } from './correlations.ts';
import { createHealthReporter } from './health.ts';
import { createJudgedTime } from './judged-time.ts';
import { loadRules, packPart } from './load-rules.ts';
import { createPipeline } from './pipeline.ts';
import { protectedProcesses } from './protected-processes.ts';
import { createQuarantineReports } from './quarantine-reports.ts';
import { createFileReader } from './read-written-files.ts';
import { createCatalogueReport, describeOwnRules } from './rule-catalogue.ts';
import { openServicePacks } from './rule-packs.ts';
import { createSettings } from './settings.ts';
import { suspendedRules } from './suspended-rules.ts';
import { createTelemetry } from './telemetry.ts';
import { watchLocalActions } from './watch-local-actions.ts';

export interface ServiceOptions {
  readonly config: AgentConfig;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onReady: (sensors: readonly SensorHealth[]) => void;
}

export type ServiceResult = { ok: true } | { ok: false; code: string; message: string };

const TICK_MS = 1_000;

/** Builds every part of the agent, runs until the signal, and ends in the opposite order. */
export async function runService({ config, log, signal, onReady }: ServiceOptions): Promise<ServiceResult> {
  const { stateDir } = config;
  const clock = systemClock;
  const newId = (): string => randomHex(systemRandom, 16);
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    return { ok: false, code: 'state_unwritable', message: `${stateDir}: ${String(error)}` };
  }
  const spool = openSpool(stateDir);
  if (spool === undefined) {
    return { ok: false, code: 'already_running', message: `another agent uses ${stateDir}; stop it first` };
  }
  using _spool = spool;
  const chosen = await chooseSystem({ stateDir, ignorePaths: config.ignorePaths, clock, log });
  if (!chosen.ok) return chosen;
  const { sensors, processes, responder } = chosen.system;
  await using _responder = responder;

  const platform = thisPlatform();
  const { rules, indicators, rejected } = await loadRules(
    [...(config.packDir ? [packPart(config.packDir, platform)] : []), ...config.ruleDirs],
    { platform, monotonic: () => clock.monotonic() },
  );
  for (const rejection of rejected.slice(0, 20)) log.warn({ ...rejection }, 'rule rejected');
  const packs = openServicePacks({ stateDir, clock, log, signal });
  const judgedTime = createJudgedTime({ wall: () => clock.now(), boot: () => uptime() * 1_000 });
  const settings = createSettings(config.initialPolicy, judgedTime);
  const protectedEntityIds = (): ReadonlySet<string> => protectedProcesses(processes, process.pid);
  const tracker = createStoryTracker({ clock, newId, processes, protectedEntityIds });
  const { store: stories, damaged } = openStoryStore(join(stateDir, 'stories.sqlite'), (path) =>
    renameSync(path, `${path}.damaged-${clock.now()}`),
  );
  using _stories = stories;
  if (damaged) log.warn({ code: 'stories_damaged' }, 'the store of open stories was damaged and set aside');

  const files = createFileReader({
    hasher: createFileHasher(),
    clock,
    onBug: (error) => log.warn({ error: String(error) }, 'a written file could not be judged'),
  });
  const programs = createSystemPrograms({ folders: SYSTEM_PROGRAM_FOLDERS, monotonic: () => clock.monotonic() });
  const behaviour = createBehaviourEvaluator({
    clock,
    processes,
    knownBinary: (sha256, image) => programs.copyOf(sha256, image),
    standardInput: standardInputOf,
  });
  const telemetry = createTelemetry(spool, () => clock.monotonic());
  using history = openHistory({
    path: join(stateDir, HISTORY_FILE),
    clock,
    processes,
    limits: { bytes: config.historyMegabytes * 1_048_576, ageMs: config.historyDays * 86_400_000 },
    log: (message, details) => log.warn({ ...details }, message),
  });
  const onQuarantined = createQuarantineReports(spool);
  const containment = createContainment({
    clock,
    newId,
    processes,
    tracker,
    responder,
    settings,
    protectedEntityIds,
    report: (outcome) => pipeline.report(outcome),
    publish: (changed) => pipeline.publish(changed),
    onQuarantined,
    log,
  });
  const pipeline = createPipeline({
    clock,
    processes,
    normaliser: createNormaliser({ newId, processes }),
    evaluator: combineEvaluators(rules, packs.evaluator, behaviour, indicators),
    indicators,
    files,
    tracker,
    stories,
    settings,
    telemetry,
    history,
    spool,
    contain: (story) => containment.consider(story),
  });

  // What a former run began is settled before anything new is seen.
  const recovered = await responder.reconcile();
  for (const refusal of tracker.restore(stories.load())) log.warn({ ...refusal }, 'a stored story was refused');
  stories.retain(new Set(tracker.stories().map((story) => story.storyId)));
  const known = new Set(tracker.stories().flatMap((story) => story.actions.map((action) => action.actionId)));
  for (const outcome of recovered) {
    if (outcome.orderId === undefined && !known.has(outcome.actionId)) pipeline.report(outcome);
  }
  onQuarantined(await responder.listQuarantine());

  const keepCorrelations = (evaluator: LiveCorrelations, file: string) =>
    createCorrelations({
      rules: evaluator,
      path: join(stateDir, file),
      bootId: chosen.system.bootId,
      monotonic: () => clock.monotonic(),
      judge: (event, matches) => pipeline.judge(event, matches),
      log,
    });
  const correlations = [
    keepCorrelations(rules, 'correlations.json'),
    keepCorrelations(packs.evaluator, 'pack-correlations.json'),
  ];
  const health = createHealthReporter(
    {
      clock,
      sensors,
      settings,
      spool,
      rules: () => ({
        loaded: rules.loaded + packs.evaluator.loaded + indicators.loaded,
        rejected: rejected.length + packs.evaluator.rejected.length,
        suspended: suspendedRules([...rules.suspensions(), ...packs.evaluator.suspensions()], clock),
      }),
      rulePack: () => packs.health(),
      suppressed: () => pipeline.counts.suppressed,
      scanner: () => ({ dropped: files.dropped + telemetry.shed }),
    },
    config.healthIntervalSeconds * 1_000,
  );
  const catalogue = createCatalogueReport(spool, () => describeOwnRules(rules, platform));
  const link = connectConsole({
    stateDir,
    clock,
    log,
    spool,
    settings,
    recovered,
    effects: {
      clock,
      responder,
      containment,
      onSafeTest: (pid) => {
        const started = processes.byPid(pid);
        if (started) tracker.markSafeTest(started.entityId);
      },
      blindToTest: () => blindToFiles(sensors),
      onQuarantineChanged: onQuarantined,
      packs,
      onRulesChanged: () => health.report(),
    },
    report: (outcome) => pipeline.report(outcome),
    judgedTime,
    onConnected: () => {
      health.report();
      catalogue.tell(link.identity().endpointId);
    },
  });

  const inventory = createInventoryReporter({
    clock,
    newId,
    parts: chosen.system.inventory,
    record: openInventoryRecord(join(stateDir, 'inventory.json')),
    recipient: () => `${spool.status().epoch} ${link.identity().endpointId ?? ''}`,
    shed: () => spool.status().shed,
    send: (changes) => spool.append(changes.map((change): ItemBody => ({ type: 'inventory-change', change }))),
    onBug: (error) => log.warn({ error: String(error) }, 'a part of the inventory could not be read'),
  });

  const demand = createDemandFeed([rules, packs.evaluator], chosen.system.demandRecords);
  demand.refresh();
  const startedAt = clock.now();
  const local = new AbortController();
  await serveLocalApi(
    join(stateDir, LOCAL_SOCKET),
    () => ({
      health: health.take(),
      identity: link.identity(),
      uplink: link.status(),
      spool: { epoch: spool.status().epoch, lastSequence: spool.status().lastSequence },
      stories: { open: tracker.counts.open },
      history: history.status(),
      startedAt,
      pid: process.pid,
    }),
    local.signal,
  );
  await Promise.all(sensors.map((sensor) => sensor.start(pipeline.sink, signal)));
  spool.append([{ type: 'inventory', inventory: takeInventory(clock.now()) } satisfies ItemBody]);
  health.report();
  for (const story of tracker.stories()) containment.consider(story);
  const linkRun = link.run(signal);
  const timer = setInterval(() => {
    telemetry.flush();
    history.tick();
    pipeline.publish(tracker.drain());
    for (const each of correlations) each.tick();
    health.tick();
    inventory.tick();
    packs.tick();
    demand.refresh();
    link.tick();
  }, TICK_MS);
  const localActions = watchLocalActions({
    responder,
    report: (outcome) => pipeline.report(outcome),
    onQuarantined,
    log,
  });
  const endKeeping = keepMemorySmall({
    clock,
    read: () => process.memoryUsage(),
    collect: () => globalThis.gc?.(),
    trim: chosen.system.returnMemory,
  });
  onReady(sensors.map((sensor) => sensor.health()));

  await aborted(signal);
  clearInterval(timer);
  endKeeping();
  localActions[Symbol.dispose]();
  await Promise.all(sensors.map((sensor) => sensor.stopped));
  files.stop();
  await containment.idle();
  await inventory.idle();
  telemetry.flush();
  for (const each of correlations) each.save();
  await linkRun;
  local.abort();
  packs.endTrial();
  return { ok: true };
}

function openSpool(stateDir: string): ReturnType<typeof createSpool> | undefined {
  try {
    return createSpool({ dir: join(stateDir, 'spool'), clock: systemClock, random: systemRandom });
  } catch (error) {
    if (error instanceof SpoolLockedError) return undefined;
    throw error;
  }
}

/** Why a written file would not be seen, or nothing. */
function blindToFiles(sensors: readonly Sensor[]): string | undefined {
  const files = sensors.filter((sensor) =>
    sensor.declaration.provides.some(({ category }) => category === 'file_event'),
  );
  const health = files.map((sensor) => sensor.health());
  if (health.some(({ state }) => state === 'active')) return undefined;
  return (
    health.map(({ detail, code, state }) => detail ?? code ?? state).join('; ') ||
    'no sensor for written files runs here'
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
