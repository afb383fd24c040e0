import { chmodSync, mkdirSync, realpathSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { type ActionOutcome, Id, LIMITS } from '@yagura/protocol';
import { shorten } from '../../core/text/shorten.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { type Random, randomHex, systemRandom } from '../../platform/random.ts';
import { openJournal } from '../journal/open-journal.ts';
import { boundedMembers, type Plan } from '../journal/plan.ts';
import { refusalOfError, refuse } from '../refusal.ts';
import type { ActionContext, ProcessTarget, Responder } from '../responder.ts';
import { createUnsupportedResponder } from '../unsupported-responder.ts';
import { openVault } from '../vault/vault.ts';
import { type ActionResult, failed, type Step } from './file-parts.ts';
import { RESPONSE_LIMITS, type ResponseLimits } from './limits.ts';
import { reconcileVault } from './reconcile-vault.ts';
import { createReportedOutcomes } from './reported-outcomes.ts';
import { type Parts, recoverPlan, runPlan } from './run-plan.ts';
import { createStateLock } from './state-lock.ts';

export interface LinuxResponderOptions {
  /** For journal and vault; made with 0700 if it is not there. */
  readonly stateDir: string;
  readonly clock: Clock;
  /** The agent's main process: neither it nor anything above it is ever stopped. */
  readonly selfPid: number;
  readonly log: Log;
  /** Changes with every boot of the machine. */
  readonly bootId: string;
  readonly limits?: Partial<ResponseLimits>;
  readonly random?: Random;
  /** Pids of the agent's further processes. */
  readonly companions?: () => readonly number[];
  /** Further folders and files of the agent that are never quarantined. */
  readonly ownPaths?: readonly string[];
  /** Called at each step of an action on a file; tests end the process there. */
  readonly reached?: (step: Step) => void;
  /** False acts as on a filesystem without O_TMPFILE; for tests. */
  readonly namelessFiles?: boolean;
  /** Who acts, for the record of actions of origin `local`. */
  readonly actor?: string;
  /** Milliseconds since boot. */
  readonly bootTime?: () => number;
}

const PRUNE_EVERY = 64;
const NO_SUCH_ITEM = failed(refuse('not_found'));

/**
 * Acts on a Linux machine. Opens `stateDir/response.sqlite` and `stateDir/vault/`; rejects when neither an old nor
 * a new journal can be opened there, since nothing may be done that is not written down first.
 */
export async function createLinuxResponder(options: LinuxResponderOptions): Promise<Responder> {
  const { stateDir, clock, log, random = systemRandom } = options;
  if (process.platform !== 'linux') {
    return createUnsupportedResponder(clock);
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  chmodSync(stateDir, 0o700);
  const limits = { ...RESPONSE_LIMITS, ...options.limits };
  const { journal, isReplaced } = openJournal(stateDir, {
    maxActions: limits.journalActions,
    maxItems: limits.journalItems,
    maxAgeMs: limits.journalAgeMs,
  });
  if (isReplaced) log.warn({ stateDir }, 'the response journal was damaged and has been replaced');
  const parts: Parts = {
    journal,
    vault: openVault(join(stateDir, 'vault'), random),
    clock,
    random,
    log,
    limits,
    selfPid: options.selfPid,
    ownPaths: [stateDir, process.execPath, ...(options.ownPaths ?? [])].map(resolved),
    reached: options.reached ?? (() => undefined),
    namelessFiles: options.namelessFiles ?? true,
    companions: options.companions ?? (() => []),
    bootId: options.bootId,
  };
  const lock = createStateLock(stateDir, clock);
  const reported = createReportedOutcomes(journal, clock, limits.reportGraceMs);
  const inFlight = new Map<string, Promise<ActionOutcome>>();
  const bootTime = options.bootTime ?? (() => uptime() * 1_000);
  let finished = 0;
  let isDisposed = false;

  const unreported = (origins: readonly ActionContext['origin'][]): ActionOutcome[] => {
    const outcomes = journal.unreported(origins).filter(({ actionId }) => !reported.has(actionId));
    reported.handOver(outcomes);
    return outcomes;
  };

  const outcomeOf = (context: ActionContext, plan: Plan, startedAt: number, result: ActionResult): ActionOutcome => ({
    ...context,
    kind: plan.kind,
    target: result.target ?? {},
    ok: result.code === 'done' || result.code === 'already_done',
    code: result.code,
    ...detailOf(result, context.origin === 'local' ? options.actor : undefined),
    startedAt,
    endedAt: clock.now(),
    bootTime: bootTime(),
    ...(result.processes === undefined ? {} : { processes: result.processes }),
  });

  /** Runs the effect, records what came of it, and drops what the vault no longer needs to keep. */
  const complete = async (
    context: ActionContext,
    plan: Plan,
    startedAt: number,
    effect: () => Promise<ActionResult>,
  ): Promise<ActionOutcome> => {
    let result: ActionResult;
    try {
      result = await effect();
    } catch (error) {
      result = failed(refusalOfError(error, plan.kind));
    }
    const outcome = outcomeOf(context, plan, startedAt, result);
    try {
      journal.finish(outcome, result.plan ?? plan, result.item);
    } catch (error) {
      // The effect stands; `reconcile` will find it out again from the plan.
      log.warn({ actionId: context.actionId, ...refusalOfError(error, 'journal') }, 'an outcome was not recorded');
      return outcome;
    }
    parts.reached('finished');
    if (context.origin !== 'local') reported.handOver([outcome]);
    if (result.item !== undefined && result.item.state !== 'held') parts.vault.remove(result.item.quarantineId);
    finished += 1;
    if (finished % PRUNE_EVERY === 1) {
      reported.settle();
      journal.prune(clock.now());
    }
    return outcome;
  };

  /** Whatever is begun and not finished while one has the lock was cut off by a crash. */
  const exclusively = async <Value>(plan: Plan, work: () => Promise<Value>): Promise<Value | undefined> =>
    isTree(plan) ? work() : lock.run(limits.lockWaitMs, work);

  const recover = async (actionId: string): Promise<ActionOutcome | undefined> => {
    const begun = journal.begun(actionId);
    if (begun === undefined) return undefined;
    return complete(begun.context, begun.plan, begun.startedAt, () => recoverPlan(begun, parts));
  };

  const start = async (plan: Plan, context: ActionContext): Promise<ActionOutcome> => {
    const { actionId } = context;
    const startedAt = clock.now();
    try {
      const former = journal.outcome(actionId) ?? (await recover(actionId));
      if (former !== undefined) return former;
      journal.begin({ context, plan, startedAt, bootId: options.bootId });
    } catch (error) {
      const refusal = refusalOfError(error, 'journal');
      // A full disk must not keep a malicious process running; signals can be repeated without harm.
      if (!isTree(plan)) return outcomeOf(context, plan, startedAt, failed(refusal));
      log.warn({ actionId, ...refusal }, 'acting on processes without a journal');
    }
    parts.reached('begun');
    const action = { context, advance: (next: Plan) => journal.advance(actionId, next) };
    return complete(context, plan, startedAt, () => runPlan(plan, action, parts));
  };

  /** For what names no file and no item at all; nothing is journalled. */
  const reject = (plan: Plan, context: ActionContext, result: ActionResult): Promise<ActionOutcome> =>
    Promise.resolve(outcomeOf(context, plan, clock.now(), result));

  /** The same action, asked for again while it runs, is the same promise. */
  const perform = (plan: Plan, context: ActionContext): Promise<ActionOutcome> => {
    const running = inFlight.get(context.actionId);
    if (running !== undefined) return running;
    const busy = failed(refuse('io_error', 'another process is at the vault'));
    const promise = exclusively(plan, () => start(plan, context))
      .then((outcome) => outcome ?? outcomeOf(context, plan, clock.now(), busy))
      .finally(() => inFlight.delete(context.actionId));
    inFlight.set(context.actionId, promise);
    return promise;
  };

  const treePlan = (root: ProcessTarget, members: readonly ProcessTarget[]) => ({
    root: storedTarget(root),
    members: boundedMembers(members).map(storedTarget),
  });

  return {
    freezeTree: (root, members, context) => perform({ kind: 'freeze-tree', ...treePlan(root, members) }, context),
    killTree: (root, members, context) => perform({ kind: 'kill-tree', ...treePlan(root, members) }, context),
    releaseTree: (root, members, context) => perform({ kind: 'release-tree', ...treePlan(root, members) }, context),
    quarantineFile: (path, { sha256 }, context) => {
      const quarantineId = `q-${randomHex(random, 16)}`;
      const plan = { kind: 'quarantine-file', path, quarantineId } as const;
      if (path === '') return reject(plan, context, failed(refuse('path_unsafe', 'an empty path')));
      return perform(sha256 === undefined ? plan : { ...plan, expectedSha256: sha256 }, context);
    },
    restoreFile: (quarantineId, context, directory) => {
      const plan = { kind: 'restore-file', quarantineId } as const;
      if (!Id.safeParse(quarantineId).success) return reject(plan, context, NO_SUCH_ITEM);
      return perform(directory === undefined ? plan : { ...plan, directory }, context);
    },
    deleteQuarantined: (quarantineId, context) => {
      const plan = { kind: 'delete-quarantined', quarantineId } as const;
      if (!Id.safeParse(quarantineId).success) return reject(plan, context, NO_SUCH_ITEM);
      return perform(plan, context);
    },
    listQuarantine: () => Promise.resolve(journal.items()),
    reconcile: async () => {
      const outcomes = unreported(['policy', 'order', 'local']);
      for (const { context, plan } of journal.unfinished()) {
        if (inFlight.has(context.actionId)) continue;
        const outcome = await exclusively(plan, () => recover(context.actionId));
        if (outcome !== undefined) outcomes.push(outcome);
      }
      await lock.run(limits.lockWaitMs, () => reconcileVault(parts));
      journal.prune(clock.now());
      return outcomes;
    },
    takeLocalOutcomes: () => Promise.resolve(unreported(['local'])),
    [Symbol.asyncDispose]: async () => {
      if (isDisposed) return;
      isDisposed = true;
      await Promise.allSettled(inFlight.values());
      reported.settle('all');
      journal[Symbol.dispose]();
    },
  };
}

function detailOf({ detail }: ActionResult, actor: string | undefined): Pick<ActionOutcome, 'detail'> {
  const text = [detail, actor].filter((part) => part !== undefined).join('; ');
  return text === '' ? {} : { detail: shorten(text, LIMITS.text) };
}

function isTree(plan: Plan): boolean {
  return plan.kind === 'freeze-tree' || plan.kind === 'kill-tree' || plan.kind === 'release-tree';
}

function storedTarget({ entityId, pid, startTicks, image }: ProcessTarget) {
  return {
    entityId,
    pid,
    ...(startTicks === undefined ? {} : { startTicks }),
    ...(image === undefined || image === '' ? {} : { image: shorten(image, LIMITS.path) }),
  };
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
