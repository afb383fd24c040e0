import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ActionOutcome, ActionOutcome as OutcomeSchema } from '@yagura/protocol';
import type { LinuxResponderOptions } from '../../endpoint-agent/src/responses/linux/create-linux-responder.ts';
import { nextContext, type TestResponder, testResponder } from './responder.ts';

/** A responder and a folder with files to be quarantined. Every outcome is checked against the protocol. */
export interface QuarantineStage extends AsyncDisposable {
  readonly under: TestResponder;
  readonly dir: string;
  /** Writes a file into the folder and returns its path. */
  readonly file: (name: string, content?: string | Buffer) => string;
  readonly quarantine: (
    path: string,
    options?: { readonly sha256?: string; readonly storyId?: string },
  ) => Promise<ActionOutcome>;
  readonly restore: (quarantineId: string | undefined, to?: string) => Promise<ActionOutcome>;
  /** Containers in the vault. */
  readonly vaultFiles: () => string[];
}

export async function quarantineStage(options: Partial<LinuxResponderOptions> = {}): Promise<QuarantineStage> {
  const under = await testResponder({ ...options, limits: { maxFileBytes: 64 * 1_048_576, ...options.limits } });
  const dir = join(under.dir, 'work');
  mkdirSync(dir);
  return {
    under,
    dir,
    file: (name, content = 'evil') => {
      writeFileSync(join(dir, name), content);
      return join(dir, name);
    },
    quarantine: async (path, { sha256, storyId } = {}) =>
      OutcomeSchema.parse(
        await under.responder.quarantineFile(path, sha256 === undefined ? {} : { sha256 }, nextContext(storyId)),
      ),
    restore: async (quarantineId = '', to?: string) =>
      OutcomeSchema.parse(await under.responder.restoreFile(quarantineId, nextContext(), to)),
    vaultFiles: () => readdirSync(join(under.stateDir, 'vault')).filter((name) => name !== 'key'),
    [Symbol.asyncDispose]: () => under[Symbol.asyncDispose](),
  };
}
