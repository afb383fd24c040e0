import { LIMITS, type StoryFile } from '@yagura/protocol';
import { STORY_BOUNDS, type StoryState } from './story-state.ts';

/** What is newly known of a file; absent keys leave what was known. */
export type FileFacts = Pick<StoryFile, 'path'> & Partial<StoryFile>;

/**
 * Adds or updates a file. When the story is full, a merely written file makes room for a notable one.
 * Returns whether anything changed.
 */
export function addFile(state: StoryState, facts: FileFacts, notable: boolean): boolean {
  if (facts.path === '' || facts.path.length > LIMITS.path) return false;
  const known = state.files.get(facts.path);
  const file: StoryFile = { state: 'present', ...known?.file, ...facts };
  if (known !== undefined) {
    const changed =
      (Object.keys(file) as (keyof StoryFile)[]).some((key) => file[key] !== known.file[key]) ||
      (notable && !known.notable);
    known.file = file;
    known.notable ||= notable;
    return changed;
  }
  if (state.files.size >= LIMITS.filesPerStory && !makeRoom(state, notable)) return false;
  state.files.set(facts.path, { file, notable });
  return true;
}

/**
 * A process of the story (or one that led to it) wrote the file: what was known of its content counts no
 * longer, and a file that had been taken away is there again. Returns whether the story changed.
 */
export function writeFile(
  state: StoryState,
  path: string,
  writerEntityId: string | undefined,
  notable: boolean,
): boolean {
  const known = state.files.get(path);
  if (known !== undefined) {
    const { writerEntityId: former, sha256, state: was } = known.file;
    const writer = writerEntityId ?? former;
    known.file = { path, state: 'present', ...(writer === undefined ? {} : { writerEntityId: writer }) };
    const grewNotable = notable && !known.notable;
    known.notable ||= notable;
    return grewNotable || was !== 'present' || sha256 !== undefined || writer !== former;
  }
  return addFile(state, { path, ...(writerEntityId === undefined ? {} : { writerEntityId }) }, notable);
}

/** The file has another name now. Returns whether the story knew it. */
export function renameFile(state: StoryState, from: string, to: string): boolean {
  const known = state.files.get(from);
  if (known === undefined || from === to || to === '' || to.length > LIMITS.path) return false;
  state.files.delete(from);
  state.files.set(to, { ...known, file: { ...known.file, path: to } });
  if (state.intendedFiles.delete(from)) state.intendedFiles.add(to);
  noteRename(state, from, to);
  return true;
}

/** Kept flat: every former path leads to the present one. What exceeds the bound is looked for where it was. */
function noteRename({ renames }: StoryState, from: string, to: string): void {
  for (const [former, now] of renames) if (now === from) renames.set(former, to);
  if (renames.size < STORY_BOUNDS.renames) renames.set(from, to);
  renames.delete(to);
}

/** The file is no longer on the disk. What went into the vault stays `quarantined`. */
export function removeFile(state: StoryState, path: string): boolean {
  const known = state.files.get(path);
  if (known === undefined || (known.file.state !== 'present' && known.file.state !== 'restored')) return false;
  known.file = { ...known.file, state: 'gone' };
  return true;
}

function makeRoom(state: StoryState, notable: boolean): boolean {
  if (!notable) return false;
  for (const [path, tracked] of state.files) {
    if (tracked.notable) continue;
    state.files.delete(path);
    return true;
  }
  return false;
}
