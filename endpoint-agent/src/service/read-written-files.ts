import type { Event } from '@yagura/protocol';
import type { FileFacts, FileHasher } from '../scanner/file-hasher.ts';

/** Learns the content of files that events speak of, after the event itself was judged. */
export interface FileReader {
  /** Calls back at most once, later, with a copy of the event that carries the hash. */
  read(event: Event, onKnown: (hashed: Event, path: string, facts: FileFacts) => void): void;
}

/** Events after which a file may hold something new. Those of category `persistence` carry its hash already. */
const WRITES: ReadonlySet<string | undefined> = new Set(['file_event', 'file_rename']);

export function createFileReader(hasher: FileHasher, onBug: (error: unknown) => void): FileReader {
  return {
    read(event, onKnown) {
      const { TargetFilename: path, MountNamespace } = event.fields;
      // A path of another mount namespace is some other file here.
      if (MountNamespace !== undefined) return;
      if (!WRITES.has(event.logsource.category) || typeof path !== 'string') return;
      void hasher.hash(path).then((facts) => {
        if (facts === undefined || facts.size === 0) return;
        onKnown(
          { ...event, fields: { ...event.fields, Hashes: `SHA256=${facts.sha256}`, sha256: facts.sha256 } },
          path,
          facts,
        );
      }, onBug);
    },
  };
}
