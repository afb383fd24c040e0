import { readdirSync, readFileSync } from 'node:fs';

/** What a group of processes takes together. */
export interface Usage {
  readonly processes: number;
  readonly pssMegabytes: number;
  readonly rssMegabytes: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly cpuSeconds: number;
}

interface Known {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

const TICKS_PER_SECOND = 100;

function allProcesses(): Known[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        return [{ pid: Number(name), parent: Number(statFields(Number(name))[1]), command }];
      } catch {
        return []; // It ended while we looked.
      }
    });
}

/** The fields of /proc/PID/stat from the third (state) on: what is before may hold anything. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Our descendant whose command names the script, with all that is below it; throws when there is none. */
export function treeOf(script: string): readonly number[] {
  const all = allProcesses();
  const below = (root: number): number[] => {
    const tree = [root];
    for (const pid of tree) tree.push(...all.filter(({ parent }) => parent === pid).map((child) => child.pid));
    return tree;
  };
  const ours = new Set(below(process.pid));
  const root = all.find(
    ({ pid, command }) => ours.has(pid) && command.split('\0').some((word) => word.endsWith(script)),
  );
  if (!root) throw new Error(`${script} does not run`);
  return below(root.pid);
}

/** What the processes take together at the moment; one that ended meanwhile counts nothing. */
export function usageOf(pids: readonly number[]): Usage {
  const each = pids.flatMap((pid) => {
    try {
      const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      const fields = statFields(pid);
      return [
        {
          pss: Number(/^Pss:\s+(\d+)/m.exec(memory)?.[1] ?? 0),
          rss: Number(/^Rss:\s+(\d+)/m.exec(memory)?.[1] ?? 0),
          descriptors: readdirSync(`/proc/${pid}/fd`).length,
          threads: Number(fields[17]),
          ticks: Number(fields[11]) + Number(fields[12]),
        },
      ];
    } catch {
      return [];
    }
  });
  const sum = (of: (usage: (typeof each)[number]) => number): number => each.reduce((total, one) => total + of(one), 0);
  return {
    processes: each.length,
    pssMegabytes: sum(({ pss }) => pss) / 1_024,
    rssMegabytes: sum(({ rss }) => rss) / 1_024,
    descriptors: sum(({ descriptors }) => descriptors),
    threads: sum(({ threads }) => threads),
    cpuSeconds: sum(({ ticks }) => ticks) / TICKS_PER_SECOND,
  };
}
