import type { Event } from '@yagura/protocol';
import type { RuleMatch } from '../detection/evaluator.ts';
import type { ProcessLookup } from '../process/process-lookup.ts';
import { isSystemPath, isUntrustedPath, livePath, programName } from '../process/system-roles.ts';
import { type BehaviourDetector, type BehaviourOptions, matchOf, textField } from './behaviour.ts';
import { BEHAVIOUR_RULES } from './behaviour-rules.ts';

const MEMORY_FILE = /^\/?memfd:/;
/** Container runtimes run a sealed copy of themselves, so that a container cannot overwrite them. */
const SEALED_RUNTIME = /^\/?memfd:(?:runc_cloned|crun_cloned|lxc|libcrun)/;
const RUNTIMES: ReadonlySet<string> = new Set([
  'runc',
  'crun',
  'containerd',
  'containerd-shim',
  'containerd-shim-runc-v2',
  'dockerd',
  'docker',
  'conmon',
  'podman',
  'buildkitd',
  'crio',
  'lxc-start',
]);

/** Programs without a file: from memory, from a file that was deleted before it ran, or that delete their own. */
export function createFilelessExecutionDetector({ processes }: BehaviourOptions): BehaviourDetector {
  return {
    observe(event) {
      switch (event.logsource.category) {
        case 'process_creation':
          return onStart(event, processes);
        case 'file_delete':
          return onDelete(event, processes);
        default:
          return [];
      }
    },
    evicted: 0,
  };
}

function onStart(event: Event, processes: ProcessLookup): readonly RuleMatch[] {
  const image = textField(event, 'Image');
  if (image === undefined) return [];
  if (MEMORY_FILE.test(image)) {
    if (SEALED_RUNTIME.test(image) && isBelowRuntime(event, processes)) return [];
    return [matchOf(BEHAVIOUR_RULES.fileless, event, ['Image', 'CommandLine', 'ParentImage'])];
  }
  const wasDeleted = image.endsWith(' (deleted)') && isUntrustedPath(livePath(image));
  return wasDeleted ? [matchOf(BEHAVIOUR_RULES.deletedImage, event, ['Image', 'CommandLine'])] : [];
}

function isBelowRuntime(event: Event, processes: ProcessLookup): boolean {
  const parents = event.entityId === undefined ? [] : processes.ancestors(event.entityId, 3);
  const images = [textField(event, 'ParentImage'), ...parents.map(({ image }) => image)];
  return images.some((image) => {
    if (image === undefined) return false;
    return isSystemPath(livePath(image)) && RUNTIMES.has(programName(image) ?? '');
  });
}

function onDelete(event: Event, processes: ProcessLookup): readonly RuleMatch[] {
  const path = textField(event, 'TargetFilename');
  if (path === undefined || event.entityId === undefined || !isUntrustedPath(path)) return [];
  const image = processes.get(event.entityId)?.image;
  if (image === undefined || livePath(image) !== path) return [];
  return [matchOf(BEHAVIOUR_RULES.selfDeletion, event, ['TargetFilename'])];
}
