import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFileObserver } from './file-observation.ts';

const NO_LINUX = process.platform === 'linux' ? undefined : 'needs Linux';

describe.skipIf(NO_LINUX)(`the attributes of a file${NO_LINUX ? ` (${NO_LINUX})` : ''}`, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync('/tmp/yagura-observation-');
    for (const [name, mode] of [
      ['own', 0o600],
      ['other', 0o755],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), '');
      chmodSync(join(folder, name, 'file'), mode);
    }
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function fieldsOf(path: string) {
    const bootTime = {
      now: () => 0,
      ofMonotonic: (at: number) => ({ time: at, bootTime: at }),
      ofWall: (at: number) => at,
    };
    const observer = createFileObserver({ bootTime, userName: String, memberOf: () => undefined });
    const act = { kind: 'file_change', path, pid: 1, at: 1, created: false, written: false, count: 1 } as const;
    return observer.observeAttributes(act, () => true)?.fields;
  }

  test('are those of the file itself', () => {
    expect(fieldsOf(join(folder, 'own', 'file'))).toMatchObject({ FileMode: '0600' });
    symlinkSync('/etc/passwd', join(folder, 'own', 'link'));
    expect(fieldsOf(join(folder, 'own', 'link'))).toMatchObject({ FileMode: '0777' });
  });

  test('are not those of another one that a link leads to meanwhile', () => {
    renameSync(join(folder, 'own'), join(folder, 'hidden'));
    symlinkSync(join(folder, 'other'), join(folder, 'own'));
    const fields = fieldsOf(join(folder, 'own', 'file'));
    expect(fields).toMatchObject({ TargetFilename: join(folder, 'own', 'file') });
    expect(fields).not.toHaveProperty('FileMode');
  });
});
