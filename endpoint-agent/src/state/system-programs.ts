import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodePath } from '../native/path-bytes.ts';

export interface SystemProgramOptions {
  readonly folders: readonly string[];
  readonly monotonic: () => number;
}

export const SYSTEM_PROGRAM_FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'] as const;

const REFRESH_MS = 10 * 60_000;
const MAX_PROGRAMS = 20_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** Programs of one size that are read for one question; more would stall the pipeline. */
const MAX_CANDIDATES = 4;
const MAX_ANSWERS = 2_000;

/**
 * Answers whether a program is a copy of one of the system's own. Only sizes are listed beforehand (a few
 * milliseconds); content is read for programs of exactly the same size, and every answer is remembered.
 */
export interface SystemPrograms {
  /** The system's program with this content, for an `image` that lies elsewhere. */
  copyOf(sha256: string, image: string): string | undefined;
}

export function createSystemPrograms({ folders, monotonic }: SystemProgramOptions): SystemPrograms {
  const answers = new Map<string, string | undefined>();
  let bySize = new Map<number, string[]>();
  let listedAt = Number.NEGATIVE_INFINITY;

  function list(): void {
    if (monotonic() - listedAt < REFRESH_MS) return;
    listedAt = monotonic();
    bySize = new Map();
    answers.clear();
    let count = 0;
    for (const folder of folders) {
      for (const name of namesIn(folder)) {
        if ((count += 1) > MAX_PROGRAMS) return;
        const path = join(folder, name);
        const stats = lstatSync(path, { throwIfNoEntry: false });
        if (!stats?.isFile() || stats.size === 0 || stats.size > MAX_BYTES) continue;
        const same = bySize.get(stats.size);
        if (same) same.push(path);
        else bySize.set(stats.size, [path]);
      }
    }
  }

  function find(sha256: string, size: number): string | undefined {
    return (bySize.get(size) ?? []).slice(0, MAX_CANDIDATES).find((path) => digestOf(path) === sha256);
  }

  return {
    copyOf(sha256, image) {
      list();
      if (answers.has(sha256)) return answers.get(sha256);
      const size = sizeOf(image);
      // Not remembered: who removes a program at once after its start must not hide all that follow it.
      if (size === undefined) return undefined;
      const answer = find(sha256, size);
      const oldest = answers.size >= MAX_ANSWERS ? answers.keys().next().value : undefined;
      if (oldest !== undefined) answers.delete(oldest);
      answers.set(sha256, answer);
      return answer;
    },
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    // /bin is a link to /usr/bin on most systems: nothing new there.
    return lstatSync(folder).isSymbolicLink() ? [] : readdirSync(folder);
  } catch {
    return [];
  }
}

function sizeOf(image: string): number | undefined {
  try {
    return statSync(decodePath(image)).size;
  } catch {
    return undefined; // The process was faster; its file is gone.
  }
}

function digestOf(path: string): string | undefined {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    return undefined;
  }
}
