import type { StoryFile, StoryProcess } from '@yagura/protocol';
import { type Forest, type ForestNode, fileKey, processKey } from './process-forest.ts';

export interface PlacedNode {
  readonly key: string;
  readonly item:
    | { readonly kind: 'process'; readonly process: StoryProcess }
    | { readonly kind: 'file'; readonly file: StoryFile };
  /** Centre of the node, in pixels at zoom 1. */
  readonly x: number;
  readonly y: number;
}

export interface PlacedEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: 'started' | 'wrote';
}

export interface ForestLayout {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

export const NODE_SIZE = { width: 168, height: 46, gapX: 44, gapY: 14 } as const;

/**
 * Lays trees out in layers from left to right, as a story is read: each generation is a column, leaves get
 * rows in order, and a parent stands in the middle of its children. Linear in the number of nodes.
 */
export function layoutForest(forest: Forest): ForestLayout {
  const nodes: PlacedNode[] = [];
  const edges: PlacedEdge[] = [];
  const stepX = NODE_SIZE.width + NODE_SIZE.gapX;
  const stepY = NODE_SIZE.height + NODE_SIZE.gapY;
  let nextRow = 0;

  const placeFile = (file: StoryFile, depth: number): number => {
    const y = nextRow++ * stepY;
    nodes.push({ key: fileKey(file), item: { kind: 'file', file }, x: depth * stepX, y });
    return y;
  };
  const placeTree = (node: ForestNode, depth: number): number => {
    const key = processKey(node.process);
    const below: number[] = [];
    for (const child of node.children) {
      edges.push({ from: key, to: processKey(child.process), kind: 'started' });
      below.push(placeTree(child, depth + 1));
    }
    for (const file of node.files) {
      edges.push({ from: key, to: fileKey(file), kind: 'wrote' });
      below.push(placeFile(file, depth + 1));
    }
    const first = below[0];
    const last = below.at(-1);
    const y = first === undefined || last === undefined ? nextRow++ * stepY : (first + last) / 2;
    nodes.push({ key, item: { kind: 'process', process: node.process }, x: depth * stepX, y });
    return y;
  };
  for (const root of forest.roots) placeTree(root, 0);
  for (const file of forest.looseFiles) placeFile(file, 0);
  return { nodes, edges };
}
