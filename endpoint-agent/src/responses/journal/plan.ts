import { FilePath, Id, Sha256 } from '@yagura/protocol';
import { z } from 'zod';

/** Processes that one action remembers having stopped. */
export const STOPPED_REMEMBERED = 4_096;
const MEMBERS_REMEMBERED = 2_048;

const Target = z.strictObject({
  entityId: Id,
  pid: z.number().int().min(1),
  startTicks: z.number().int().min(0).optional(),
  image: FilePath.optional(),
});

const ProcessKey = z.strictObject({ pid: z.number().int().min(1), startTicks: z.number().int().min(0) });

/** Nanoseconds as decimal digits: they do not fit a JSON number. */
const Nanoseconds = z.string().regex(/^-?\d{1,20}$/);

/** What tells one file and its content across a restart, when device numbers may have changed. */
export const FileMark = z.strictObject({
  inode: z.string().regex(/^\d{1,20}$/),
  size: z.number().int().min(0),
  modifiedNs: Nanoseconds,
  sha256: Sha256,
});
export type FileMark = z.infer<typeof FileMark>;

const treePlan = {
  root: Target,
  members: z.array(Target).max(MEMBERS_REMEMBERED),
  stopped: z.array(ProcessKey).max(STOPPED_REMEMBERED).optional(),
};

/**
 * What an action is about to do, and how far it has come: all that `reconcile` needs to finish or undo it.
 * Paths are encoded as by `encodePath`, whole.
 */
export const Plan = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('freeze-tree'), ...treePlan }),
  z.strictObject({ kind: z.literal('kill-tree'), ...treePlan }),
  z.strictObject({ kind: z.literal('release-tree'), ...treePlan }),
  z.strictObject({
    kind: z.literal('quarantine-file'),
    path: z.string().min(1),
    quarantineId: Id,
    expectedSha256: Sha256.optional(),
    /** Set once the vault has all of it: from here on the file may be gone from its place. */
    stored: z
      .strictObject({
        file: FileMark,
        /** The folder beside the file in which it is isolated before it is removed. */
        stash: z.string().min(1),
      })
      .optional(),
  }),
  z.strictObject({
    kind: z.literal('restore-file'),
    quarantineId: Id,
    /** Absent until the item was found. */
    directory: z.string().min(1).optional(),
    name: z.string().min(1).optional(),
    /** A file of this name may lie in the folder where the filesystem knows no nameless files. */
    temporary: z.string().min(1).optional(),
    /** Set before the file gets its name. */
    written: FileMark.optional(),
  }),
  z.strictObject({ kind: z.literal('delete-quarantined'), quarantineId: Id }),
]);
export type Plan = z.infer<typeof Plan>;
export type PlanOf<Kind extends Plan['kind']> = Extract<Plan, { kind: Kind }>;
export type TreeKind = 'freeze-tree' | 'kill-tree' | 'release-tree';

/** Members beyond the bound are found again by descent. */
export function boundedMembers<Member>(members: readonly Member[]): Member[] {
  return members.slice(0, MEMBERS_REMEMBERED);
}
