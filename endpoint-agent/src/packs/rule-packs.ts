import type { ActionCode, Platform, RulePackHealth, RulePackReference } from '@yagura/protocol';
import { createReplaceableEvaluator, type ReplaceableEvaluator } from '../core/detection/replaceable-evaluator.ts';
import type { SigmaEvaluator } from '../core/index.ts';
import type { Clock } from '../platform/clock.ts';
import { systemCode } from '../platform/durable-file.ts';
import type { Log } from '../platform/log.ts';
import { type FetchedPack, messageOf } from './fetch-pack.ts';
import { loadPack } from './load-pack.ts';
import { createPackFiles, type PackFiles } from './pack-files.ts';
import { noPack, openPackJournal, type PackJournal, type PackRecord } from './pack-journal.ts';
import { TRIAL_BOUNDS, type TrialBounds, tryPack } from './try-pack.ts';

/** How long an agent must run with a pack before it counts as good (SPEC RP5), in milliseconds. */
const TRIAL_MS = 60_000;
/** Trials that ended badly before a pack is set aside. */
const TRIALS = 2;
/** Waits before the gateway is asked again, in milliseconds. */
const RETRY_MS = [2_000, 15_000] as const;

export interface RulePacksOptions {
  /** The packs' own folder below the state directory. */
  readonly dir: string;
  /** Whose packs may be used; undefined while that is unknown, which keeps what there is. */
  readonly endpointId: string | undefined;
  readonly platform: Platform;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetch: (reference: RulePackReference) => Promise<FetchedPack>;
  /** Ends waiting for the gateway. */
  readonly signal: AbortSignal;
  readonly bounds?: TrialBounds;
}

export interface PackOutcome {
  readonly ok: boolean;
  readonly code: Extract<
    ActionCode,
    'done' | 'already_done' | 'pack_unavailable' | 'pack_damaged' | 'pack_rejected' | 'no_space' | 'io_error'
  >;
  readonly detail?: string;
}

/** The rule pack that people ordered for this endpoint, beside the rules that the agent brings. */
export interface RulePacks {
  /** The pack's rules, whichever is in force. */
  readonly evaluator: ReplaceableEvaluator;
  /** Fetches, checks, tries and swaps (SPEC RP3, RP4). One at a time; the former pack stays until it ends well. */
  install(reference: RulePackReference, endpointId: string): Promise<PackOutcome>;
  clear(endpointId: string): PackOutcome;
  health(): RulePackHealth;
  /** Call about every second: ends the trial of a pack with which the agent runs. */
  tick(): void;
  /** The agent ends in order: that is no fault of the pack. */
  endTrial(): void;
}

/** Loads the pack of the last run, or the one before it if that one failed twice. Never throws for a bad pack. */
export function openRulePacks(options: RulePacksOptions): RulePacks {
  const { journal, damaged } = openPackJournal(options.dir);
  if (damaged) options.log.warn({ code: 'packs_damaged' }, 'the record of rule packs was damaged: none is in force');
  const packs = new JournalledPacks(options, journal, createPackFiles(options.dir));
  packs.start();
  return packs;
}

interface ActivePack {
  readonly reference: RulePackReference;
  /** Monotonic. */
  readonly since: number;
}

class TransferError extends Error {}

class JournalledPacks implements RulePacks {
  readonly evaluator = createReplaceableEvaluator();
  readonly #options: RulePacksOptions;
  readonly #journal: PackJournal;
  readonly #files: PackFiles;
  #active: ActivePack | undefined;

  constructor(options: RulePacksOptions, journal: PackJournal, files: PackFiles) {
    this.#options = options;
    this.#journal = journal;
    this.#files = files;
  }

  start(): void {
    const { endpointId, log } = this.#options;
    let record = this.#journal.read();
    if (endpointId !== undefined && record.endpointId !== endpointId) record = this.#keep(noPack(endpointId));
    while (record.current !== undefined) {
      const { current } = record;
      const code = record.trials >= TRIALS ? 'pack_crashed' : this.#load(record, current);
      if (code === undefined) return;
      log.warn({ code, sha256: current.sha256, name: current.name }, 'a rule pack was set aside');
      const { previous, current: _, ...rest } = record;
      record = this.#keep({
        v: rest.v,
        endpointId: rest.endpointId,
        trials: 0,
        failed: { ...current, code },
        ...(previous === undefined ? {} : { current: previous }),
      });
    }
  }

  /** The trial is counted before anything is loaded: a crash in between has counted. */
  #load(record: PackRecord, current: RulePackReference): string | undefined {
    this.#journal.write({ ...record, trials: record.trials + 1 });
    const loaded = this.#loadFile(current);
    if (!loaded.ok) return loaded.code;
    this.#activate(current, loaded.rules);
    return undefined;
  }

  async install(reference: RulePackReference, endpointId: string): Promise<PackOutcome> {
    if (this.#active?.reference.sha256 === reference.sha256) return { ok: true, code: 'already_done' };
    const obtained = await this.#obtain(reference);
    if (!obtained.ok) return this.#refuse(reference, obtained);
    const trial = await tryPack(
      { path: this.#files.path(reference.sha256), reference, platform: this.#options.platform },
      this.#options.bounds ?? TRIAL_BOUNDS,
    );
    if (!trial.ok) {
      const detail = `${trial.code}: ${trial.message}`;
      return this.#refuse(reference, { ok: false, code: 'pack_rejected', detail });
    }
    const loaded = this.#loadFile(reference);
    if (!loaded.ok) return this.#refuse(reference, loaded);
    const { current, previous, trials } = this.#journal.read();
    const fallback = trials === 0 && current !== undefined ? current : previous;
    const stored = this.#journal.write({
      ...noPack(endpointId),
      current: reference,
      trials: 1,
      ...(fallback === undefined ? {} : { previous: fallback }),
    });
    if (!stored) return { ok: false, code: 'io_error', detail: 'the choice of the pack could not be stored' };
    this.#activate(reference, loaded.rules);
    this.#prune();
    return { ok: true, code: 'done' };
  }

  clear(endpointId: string): PackOutcome {
    const { current, failed } = this.#journal.read();
    if (current === undefined && failed === undefined) return { ok: true, code: 'already_done' };
    if (!this.#journal.write(noPack(endpointId))) return { ok: false, code: 'io_error' };
    this.#active = undefined;
    this.evaluator.replace(undefined);
    this.#prune();
    return { ok: true, code: 'done' };
  }

  health(): RulePackHealth {
    const { failed } = this.#journal.read();
    return {
      ...(this.#active === undefined ? {} : { active: this.#active.reference }),
      ...(failed === undefined ? {} : { failed }),
    };
  }

  tick(): void {
    if (this.#active !== undefined && this.#options.clock.monotonic() - this.#active.since >= TRIAL_MS) this.endTrial();
  }

  endTrial(): void {
    const record = this.#journal.read();
    if (this.#active !== undefined && record.trials > 0) this.#journal.write({ ...record, trials: 0 });
  }

  async #obtain(reference: RulePackReference): Promise<PackOutcome> {
    const have: PackOutcome = { ok: true, code: 'done' };
    if (this.#files.verified(reference) !== undefined) return have;
    let last: PackOutcome = { ok: false, code: 'pack_unavailable' };
    for (const wait of [0, ...RETRY_MS]) {
      if (wait > 0) await this.#pause(wait);
      if (this.#options.signal.aborted) return last;
      const fetched = await this.#options.fetch(reference);
      last = fetched.ok ? await this.#receive(reference, fetched.content) : fetched;
      if (last.code !== 'pack_unavailable') return last;
    }
    return last;
  }

  #pause(milliseconds: number): Promise<void> {
    const { clock, signal } = this.#options;
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = clock.after(milliseconds, finish);
      signal.addEventListener('abort', finish);
    });
  }

  async #receive(reference: RulePackReference, content: AsyncIterable<Uint8Array>): Promise<PackOutcome> {
    try {
      const received = await this.#files.receive(reference, transfer(content));
      return received.ok ? { ok: true, code: 'done' } : received;
    } catch (error) {
      if (error instanceof TransferError) return { ok: false, code: 'pack_unavailable', detail: error.message };
      const code = systemCode(error);
      if (code === undefined) throw error;
      return { ok: false, code: code === 'ENOSPC' || code === 'EDQUOT' ? 'no_space' : 'io_error', detail: code };
    }
  }

  /** Says in health what was ordered and is not in force. Whatever was there before stays. */
  #refuse(reference: RulePackReference, outcome: PackOutcome): PackOutcome {
    const { code } = outcome;
    this.#options.log.warn({ code, sha256: reference.sha256, detail: outcome.detail }, 'a rule pack was refused');
    if (code === 'pack_damaged' || code === 'pack_rejected') {
      this.#keep({ ...this.#journal.read(), failed: { ...reference, code } });
    }
    return outcome;
  }

  #loadFile(
    reference: RulePackReference,
  ):
    | { readonly ok: true; readonly rules: SigmaEvaluator }
    | { readonly ok: false; readonly code: 'pack_damaged' | 'pack_rejected'; readonly detail: string } {
    const bytes = this.#files.verified(reference);
    if (bytes === undefined) return { ok: false, code: 'pack_damaged', detail: 'the stored file has changed' };
    const { platform, clock } = this.#options;
    const loaded = loadPack(bytes, reference, platform, { clock: () => clock.monotonic() });
    if (loaded.ok) return { ok: true, rules: loaded.evaluator };
    return { ok: false, code: 'pack_rejected', detail: `${loaded.code}: ${loaded.message}` };
  }

  #activate(reference: RulePackReference, rules: SigmaEvaluator): void {
    this.#active = { reference, since: this.#options.clock.monotonic() };
    this.evaluator.replace(rules);
    this.#options.log.info(
      { name: reference.name, version: reference.version, sha256: reference.sha256, rules: rules.loaded },
      'a rule pack is in force',
    );
  }

  /** A full disk must not keep the decision from holding in memory; it is taken again at the next start. */
  #keep(record: PackRecord): PackRecord {
    if (!this.#journal.write(record)) this.#options.log.warn({ code: 'io_error' }, 'the record of rule packs is stale');
    this.#prune();
    return record;
  }

  #prune(): void {
    const { current, previous } = this.#journal.read();
    this.#files.retain(new Set([current, previous].flatMap((reference) => reference?.sha256 ?? [])));
  }
}

/** Tells a broken connection from a disk that cannot be written. */
async function* transfer(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    throw new TransferError(messageOf(error));
  }
}
