import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CaptureProbe, NO_KERNEL, startCapture } from '../../../../../test/support/capture-probe.ts';

/** Modules without hardware, which do nothing until they are asked to. */
const CANDIDATES = ['dummy', 'nlmon', 'ifb', 'netdevsim'];

/** One of them that lies ready for the running kernel as a file and is not loaded. */
function loadableModule(): string | undefined {
  const loaded = new Set(loadedModules());
  return CANDIDATES.find((name) => {
    const file = spawnSync('/sbin/modinfo', ['-F', 'filename', name], { encoding: 'utf8' });
    return file.status === 0 && file.stdout.startsWith('/') && !loaded.has(name);
  });
}

function loadedModules(): string[] {
  try {
    return readFileSync('/proc/modules', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[0] ?? '');
  } catch {
    return []; // A kernel without modules.
  }
}

const MODULE = NO_KERNEL === undefined ? loadableModule() : undefined;
const NO_MODULE = NO_KERNEL ?? (MODULE === undefined ? 'no module lies ready for this kernel' : undefined);

describe.skipIf(NO_MODULE)(`audit captures kernel modules${NO_MODULE ? ` (${NO_MODULE})` : ''}`, () => {
  let probe: CaptureProbe;
  const name = MODULE ?? '';

  beforeAll(async () => {
    probe = await startCapture({ sources: ['linux-audit'] });
  });
  afterAll(async () => {
    spawnSync('/sbin/modprobe', ['-r', name]);
    await probe[Symbol.asyncDispose]();
  });

  test('a module that modprobe loads, by its name and with who loaded it', async () => {
    const { pid, status } = spawnSync('/sbin/modprobe', [name]);
    expect(status).toBe(0);
    const { fields } = await probe.find('driver_load', (seen) => seen.pid === pid);
    expect(fields).toMatchObject({ ImageLoaded: name, User: 'root' });
    expect(String(fields['Image'])).toMatch(/\/(?:kmod|modprobe)$/);
  });
});
