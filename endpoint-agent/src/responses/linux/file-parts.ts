import type { ActionCode, ActionTarget, QuarantineItem } from '@yagura/protocol';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Journal } from '../journal/journal.ts';
import type { Plan } from '../journal/plan.ts';
import type { Refusal } from '../refusal.ts';
import type { ActionContext } from '../responder.ts';
import type { Vault } from '../vault/vault.ts';
import type { ResponseLimits } from './limits.ts';

/** The moments between which a crash may fall; tests end the process at each. */
export const STEPS = [
  'begun',
  'sealed',
  'stored',
  'stash-made',
  'stashed',
  'unlinked',
  'removed',
  'restore-planned',
  'restore-written',
  'restore-ready',
  'linked',
  'finished',
] as const;
export type Step = (typeof STEPS)[number];

/** What the actions on files share. */
export interface FileParts {
  readonly journal: Journal;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: ResponseLimits;
  readonly selfPid: number;
  /** Folders and files of the agent itself, without aliases. */
  readonly ownPaths: readonly string[];
  readonly reached: (step: Step) => void;
  /** False acts as on a filesystem without O_TMPFILE. */
  readonly namelessFiles: boolean;
}

/** What one action came to; the responder makes the outcome of it. */
export interface ActionResult {
  readonly code: ActionCode;
  readonly detail?: string;
  readonly target?: ActionTarget;
  readonly processes?: number;
  /** The plan as it is to stay in the journal. */
  readonly plan?: Plan;
  /** What became of the file. */
  readonly item?: QuarantineItem;
}

/** An action on a file that is under way. */
export interface FileAction {
  readonly context: ActionContext;
  /** Makes the plan durable before the step that it describes. */
  advance(plan: Plan): void;
}

export function failed({ code, detail }: Refusal, target?: ActionTarget): ActionResult {
  return { code, ...(detail === undefined ? {} : { detail }), ...(target === undefined ? {} : { target }) };
}
