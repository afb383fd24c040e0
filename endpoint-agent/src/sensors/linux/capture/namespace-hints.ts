import { STANDING_SERVICE } from '../audit/process-act-observations.ts';
import type { SourceSink } from './source.ts';

type NoteNamespace = (pid: number, changed: boolean, inode?: number) => void;

/** Acts after which a namespace has other mounts, or a process another namespace. */
const MOUNTING: ReadonlySet<unknown> = new Set(['mount', 'unshare', 'setns', 'clone_into_namespaces']);

/**
 * Hands everything on, and tells the file sensor at once where audit saw a process in another mount namespace, or
 * one that mounts: a walk over all processes would find it seconds later.
 */
export function tellOfNamespaces(sink: SourceSink, note: NoteNamespace): SourceSink {
  return {
    push(source, observation, image) {
      const { fields, logsource, pid } = observation;
      if (pid !== undefined) {
        if (logsource.service === STANDING_SERVICE) {
          if (MOUNTING.has(fields['EventType'])) note(pid, true);
        } else if (typeof fields['MountNamespace'] === 'number') note(pid, false, fields['MountNamespace']);
      }
      sink.push(source, observation, image);
    },
    get full() {
      return sink.full;
    },
  };
}
