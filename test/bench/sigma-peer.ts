import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The same rules and events through `rsigma` (timescale/rsigma), where it is on the PATH. Its command line is that
 * of its documentation: events as lines of JSON on standard input, `engine eval -r DIR` since 0.10, `eval -r DIR`
 * before. Start and reading of rules are taken off by a run with one event.
 */
const COMMANDS = [['engine', 'eval'], ['eval']] as const;
const PATIENCE_MS = 300_000;

export type PeerResult =
  | 'not on the PATH'
  | { readonly version: string; readonly failed: string }
  | { readonly version: string; readonly events: number; readonly eventsPerSecondOfWallTime: number };

export interface PeerInput {
  /** Texts of rules. */
  readonly rules: readonly string[];
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

export function measureRsigma({ rules, events }: PeerInput, program = 'rsigma'): PeerResult {
  const asked = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (asked.status !== 0) return 'not on the PATH';
  const version = asked.stdout.trim();
  const folder = mkdtempSync(join(tmpdir(), 'yagura-rsigma-'));
  try {
    const ruleFolder = join(folder, 'rules');
    mkdirSync(ruleFolder);
    for (const [number, text] of rules.entries()) writeFileSync(join(ruleFolder, `${number}.yml`), text);
    const lines = events.map((event) => JSON.stringify(event));
    for (const command of COMMANDS) {
      const run = (input: string): number | undefined => {
        const start = performance.now();
        const { status } = spawnSync(program, [...command, '-r', ruleFolder], {
          input,
          stdio: ['pipe', 'ignore', 'ignore'],
          timeout: PATIENCE_MS,
        });
        return status === 0 ? performance.now() - start : undefined;
      };
      const one = run(`${lines[0] ?? '{}'}\n`);
      if (one === undefined) continue;
      const all = run(`${lines.join('\n')}\n`);
      if (all === undefined || all <= one)
        return { version, failed: 'no measurable difference between one event and all' };
      return {
        version,
        events: lines.length,
        eventsPerSecondOfWallTime: Math.round(((lines.length - 1) / (all - one)) * 1_000),
      };
    }
    return { version, failed: 'neither of the known commands worked' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
