import type { ActionOutcome, ActionTarget, QuarantineItem } from '@yagura/protocol';

/** A process that an action is about; pid and start time together name it across pid reuse. */
export interface ProcessTarget {
  readonly entityId: string;
  readonly pid: number;
  /** Field 22 of /proc/PID/stat (clock ticks since boot); absent when the process table never saw it. */
  readonly startTicks?: number;
  readonly image?: string;
}

export interface ActionContext {
  readonly actionId: string;
  readonly origin: ActionOutcome['origin'];
  readonly storyId?: string;
  readonly orderId?: string;
}

/**
 * Acts on this machine. Every method journals its intent durably before the effect, is idempotent by
 * `actionId` (a repeated call returns the recorded outcome), and reports failure as an outcome with a
 * code, never as an exception. After a crash `reconcile` finishes or undoes what was begun.
 */
export interface Responder extends AsyncDisposable {
  /** Stops the processes and their present descendants where they are. */
  freezeTree(root: ProcessTarget, members: readonly ProcessTarget[], context: ActionContext): Promise<ActionOutcome>;
  /** Ends the processes and their present descendants; frozen ones too. */
  killTree(root: ProcessTarget, members: readonly ProcessTarget[], context: ActionContext): Promise<ActionOutcome>;
  /** Lets a frozen tree run again. */
  releaseTree(root: ProcessTarget, members: readonly ProcessTarget[], context: ActionContext): Promise<ActionOutcome>;
  /** Moves the file into the vault; `expected.sha256`, when given, must still be its content. */
  quarantineFile(path: string, expected: Pick<ActionTarget, 'sha256'>, context: ActionContext): Promise<ActionOutcome>;
  /** Puts a file back where it was (or into `directory`), byte for byte, never over an existing one. */
  restoreFile(quarantineId: string, context: ActionContext, directory?: string): Promise<ActionOutcome>;
  deleteQuarantined(quarantineId: string, context: ActionContext): Promise<ActionOutcome>;
  listQuarantine(): Promise<readonly QuarantineItem[]>;
  /** Outcomes of actions that a former run had begun. Call once, before anything else. */
  reconcile(): Promise<readonly ActionOutcome[]>;
  /**
   * Outcomes that were recorded and that this run has not returned to anybody: actions of local root on the
   * command line. Each is given once; those given within the last minute before a crash come again from
   * `reconcile`. Receivers count one outcome per `actionId`.
   */
  takeLocalOutcomes(): Promise<readonly ActionOutcome[]>;
}
