import { createHash } from 'node:crypto';
import type { RulePackReference } from '@yagura/protocol';
import { composePackFile } from '../../endpoint-agent/src/core/detection/pack/pack-file.ts';
import { compilePack } from '../../endpoint-agent/src/core/detection/pack/rule-pack.ts';

/** A pack file and the reference that an order would name. */
export interface TestPack {
  readonly bytes: Buffer;
  readonly reference: RulePackReference;
}

/** A rule that matches processes whose image ends with `/NAME`. */
export function linuxRule(name: string): string {
  return [
    `title: Runs ${name}`,
    `id: runs-${name}`,
    'author: A. Author',
    'references: [https://example.com/rule]',
    'logsource: { product: linux, category: process_creation }',
    `detection: { sel: { Image|endswith: /${name} }, condition: sel }`,
    'level: high',
  ].join('\n');
}

export function packOf(name: string, version: string, ...texts: readonly string[]): TestPack {
  const compiled = compilePack(texts.map((text, index) => ({ file: `${index}.yml`, text })));
  const composed = composePackFile(compiled, { name, version, unread: 0, canFire: () => true });
  if (composed === undefined || compiled.rejected.length > 0) throw new Error(JSON.stringify(compiled.rejected));
  return packFrom(composed.text, name, version);
}

/** Any content under the reference that would be true of it. */
export function packFrom(text: string, name = 'pack', version = '1'): TestPack {
  const bytes = Buffer.from(text);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, reference: { sha256, size: bytes.length, name, version } };
}
