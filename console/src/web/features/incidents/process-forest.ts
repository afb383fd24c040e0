import type { Story, StoryFile, StoryProcess } from '@yagura/protocol';

/** A process with its children and the files that it wrote. */
export interface ForestNode {
  readonly process: StoryProcess;
  readonly children: readonly ForestNode[];
  readonly files: readonly StoryFile[];
}

export interface Forest {
  readonly roots: readonly ForestNode[];
  /** Files whose writer is unknown or not part of the story. */
  readonly looseFiles: readonly StoryFile[];
}

/**
 * Builds the trees of a story. The parents that an endpoint reports are hostile input: unknown ones make a
 * root, and of a circle of parents the first process that is met becomes one, so that every process appears
 * exactly once.
 */
export function buildForest(story: Pick<Story, 'processes' | 'files'>): Forest {
  const byId = new Map(story.processes.map((process) => [process.entityId, process]));
  const childrenOf = new Map<string, StoryProcess[]>();
  const roots: StoryProcess[] = [];
  for (const process of byId.values()) {
    const parent = process.parentEntityId;
    if (parent === undefined || parent === process.entityId || !byId.has(parent)) roots.push(process);
    else childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), process]);
  }
  const filesOf = new Map<string, StoryFile[]>();
  const looseFiles: StoryFile[] = [];
  for (const file of story.files) {
    const writer = file.writerEntityId;
    if (writer === undefined || !byId.has(writer)) looseFiles.push(file);
    else filesOf.set(writer, [...(filesOf.get(writer) ?? []), file]);
  }
  const seen = new Set<string>();
  const grow = (process: StoryProcess): ForestNode => {
    seen.add(process.entityId);
    const children: ForestNode[] = [];
    for (const child of childrenOf.get(process.entityId) ?? []) {
      if (!seen.has(child.entityId)) children.push(grow(child));
    }
    return { process, children, files: filesOf.get(process.entityId) ?? [] };
  };
  const trees = roots.map(grow);
  for (const process of byId.values()) {
    if (!seen.has(process.entityId)) trees.push(grow(process));
  }
  return { roots: trees, looseFiles };
}

/** Identifies what a person selected in the graph or the list. */
export const processKey = (process: Pick<StoryProcess, 'entityId'>) => `process:${process.entityId}`;
export const fileKey = (file: Pick<StoryFile, 'path'>) => `file:${file.path}`;
