import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../../../native/system-code.ts';

export interface FolderWatch extends Disposable {
  /** Watches exactly these from now on, as far as the system lets. */
  set(folders: Iterable<string>): void;
  /** Folders that are watched. */
  readonly watched: ReadonlySet<string>;
}

/**
 * Tells of changes in folders, not recursively. `onChange` gets the path of the entry, or the folder's own when
 * the system does not say which; `isNew` when an entry came, went or was renamed.
 */
export function createFolderWatch(onChange: (path: string, isNew: boolean) => void): FolderWatch {
  const watchers = new Map<string, FSWatcher>();

  function drop(folder: string): void {
    const watcher = watchers.get(folder);
    watchers.delete(folder);
    watcher?.close();
  }

  function add(folder: string): void {
    let watcher: FSWatcher;
    try {
      watcher = watch(folder, { persistent: false }, (kind, name) => {
        onChange(name === null ? folder : join(folder, name), kind === 'rename');
      });
    } catch (error) {
      // No watches left (ENOSPC), or the folder is gone: it is polled.
      if (systemCode(error) === undefined) throw error;
      return;
    }
    watcher.on('error', () => drop(folder));
    watchers.set(folder, watcher);
  }

  return {
    set(folders) {
      const wanted = new Set(folders);
      for (const folder of watchers.keys()) if (!wanted.has(folder)) drop(folder);
      for (const folder of wanted) if (!watchers.has(folder)) add(folder);
    },
    get watched() {
      return new Set(watchers.keys());
    },
    [Symbol.dispose]() {
      for (const folder of watchers.keys()) drop(folder);
    },
  };
}
