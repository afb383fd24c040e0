import type { Event } from '@yagura/protocol';
import { BoundedMap } from '../bounded-map.ts';
import type { RuleMatch } from '../detection/evaluator.ts';
import { hashesOfEvent } from '../detection/indicators/hash-indicator.ts';
import { isSystemPath, isTemporaryPath, livePath, programName } from '../process/system-roles.ts';
import { type BehaviourDetector, type BehaviourOptions, matchOf, textField } from './behaviour.ts';
import { BEHAVIOUR_RULES } from './behaviour-rules.ts';

const MAX_LEARNED = 8_192;

/**
 * A copy of a system program that runs elsewhere under another name. Copies that keep their name (virtual
 * environments, chroots, images that are being built) are everyday work.
 */
export function createMasqueradingDetector({ knownBinary }: BehaviourOptions): BehaviourDetector {
  const learned = new BoundedMap<string, string>(MAX_LEARNED);

  function onStart(event: Event): readonly RuleMatch[] {
    const image = textField(event, 'Image');
    const sha256 = hashesOfEvent(event.fields).find(({ hash }) => hash.length === 64)?.hash;
    if (image === undefined || sha256 === undefined) return [];
    const path = livePath(image);
    if (isSystemPath(path)) {
      learned.set(sha256, path);
      return [];
    }
    const original = learned.get(sha256) ?? knownBinary?.(sha256, path);
    if (original === undefined || hasSameName(path, original)) return [];
    const isFurtive = isTemporaryPath(path) || /\/\.[^/.]/.test(path);
    const rule = isFurtive ? BEHAVIOUR_RULES.masquerading : BEHAVIOUR_RULES.possibleMasquerading;
    const match = matchOf(rule, event, ['Image', 'Hashes', 'sha256']);
    return [{ ...match, matched: [...match.matched, { field: 'OriginalFileName', value: original }] }];
  }

  return {
    observe: (event) => (event.logsource.category === 'process_creation' ? onStart(event) : []),
    get evicted() {
      return learned.evicted;
    },
  };
}

/** `python3` and `python3.12` are one program; so are `sh` and the shell that it links to. */
function hasSameName(copy: string, original: string): boolean {
  const bare = (path: string): string => (programName(path) ?? '').replace(/[\d.-]+$/, '');
  const [a, b] = [bare(copy), bare(original)];
  const isShellLink = a === 'sh' && (b === 'dash' || b === 'bash');
  return a === b || isShellLink || b === 'busybox' || b === 'toybox' || b === 'coreutils';
}
