import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ApiClient, signIn } from '../../support/api-client.ts';
import { eventually } from '../../support/wait.ts';
import type { Load } from './load.ts';

/** In two pieces, so that no product takes this file for the test file. */
const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'] as const;
const SCRIPT = '#!/bin/sh\nprintf "%s%s" "$2" "$3" > "$1"\nsleep 30\n';
const INCIDENT_PATIENCE_MS = 60_000;

/** In every so manieth window a script writes the harmless test file: it must be ended and stand as an incident. */
export async function detectionLoad(folder: string, link: string, everyWindows: number): Promise<Load> {
  const console = await signIn(link);
  const known = new Set(await incidents(console));
  return {
    async run({ index, mark }) {
      if (index % everyWindows !== 0) return {};
      const place = join(folder, `${mark}-detection`);
      mkdirSync(place);
      const script = join(place, 'writes-test-file.sh');
      writeFileSync(script, SCRIPT, { mode: 0o700 });
      const child = spawn(script, [join(place, 'eicar.com'), ...EICAR], { cwd: place, stdio: 'ignore' });
      const [code, signal] = await once(child, 'exit');
      // A shell whose last command was killed says so with 128 + 9.
      const isStopped = signal === 'SIGKILL' || code === 137;
      const fresh = await eventually(
        'the incident',
        async () => newOf(await incidents(console), known),
        INCIDENT_PATIENCE_MS,
      ).catch(() => []);
      for (const id of fresh) known.add(id);
      return { detections: 1, detectionsStopped: isStopped ? 1 : 0, incidents: fresh.length };
    },
  };
}

async function incidents(console: ApiClient): Promise<string[]> {
  const { items } = await console.call('listIncidents');
  return items.map(({ incidentId }) => incidentId);
}

function newOf(ids: readonly string[], known: ReadonlySet<string>): string[] | undefined {
  const fresh = ids.filter((id) => !known.has(id));
  return fresh.length > 0 ? fresh : undefined;
}
