import type { StoryFile, StoryProcess } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { layoutForest, NODE_SIZE } from './forest-layout.ts';
import { buildForest, type ForestNode } from './process-forest.ts';

function process(entityId: string, parentEntityId?: string): StoryProcess {
  return {
    entityId,
    pid: 1,
    context: false,
    state: 'running',
    ...(parentEntityId === undefined ? {} : { parentEntityId }),
  };
}
const file = (path: string, writerEntityId?: string): StoryFile => ({
  path,
  state: 'present',
  ...(writerEntityId === undefined ? {} : { writerEntityId }),
});
const ids = (nodes: readonly ForestNode[]): string[] =>
  nodes.flatMap((node) => [node.process.entityId, ...ids(node.children)]);

describe('forest of processes', () => {
  test('children stand below their parents, files below their writers', () => {
    const forest = buildForest({
      processes: [process('b', 'a'), process('a'), process('c', 'a')],
      files: [file('/x', 'b')],
    });
    expect(forest.roots.map((root) => root.process.entityId)).toEqual(['a']);
    expect(forest.roots[0]?.children.map((child) => child.process.entityId)).toEqual(['b', 'c']);
    expect(forest.roots[0]?.children[0]?.files).toEqual([file('/x', 'b')]);
  });

  test('unknown parents make roots, own parents too', () => {
    const forest = buildForest({ processes: [process('a', 'gone'), process('b', 'b')], files: [] });
    expect(ids(forest.roots)).toEqual(['a', 'b']);
  });

  test('in a circle of parents every process still appears once', () => {
    const forest = buildForest({
      processes: [process('a', 'c'), process('b', 'a'), process('c', 'b'), process('d', 'c')],
      files: [],
    });
    expect(ids(forest.roots).toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('one id twice is one process', () => {
    expect(ids(buildForest({ processes: [process('a'), process('a')], files: [] }).roots)).toEqual(['a']);
  });

  test('files of strangers are kept', () => {
    expect(
      buildForest({ processes: [process('a')], files: [file('/y', 'nobody'), file('/z')] }).looseFiles,
    ).toHaveLength(2);
  });
});

describe('layout', () => {
  test('no two nodes overlap, and every edge goes one column to the right', () => {
    const processes = Array.from({ length: 200 }, (_, index) =>
      process(`p${index}`, index === 0 ? undefined : `p${Math.floor((index - 1) / 3)}`),
    );
    const files = Array.from({ length: 100 }, (_, index) => file(`/f${index}`, `p${index * 2}`));
    const layout = layoutForest(buildForest({ processes, files }));
    expect(layout.nodes).toHaveLength(300);
    expect(layout.edges).toHaveLength(199 + 100);
    const at = new Map(layout.nodes.map((node) => [node.key, node]));
    for (const edge of layout.edges) {
      expect((at.get(edge.to)?.x ?? 0) - (at.get(edge.from)?.x ?? 0)).toBe(NODE_SIZE.width + NODE_SIZE.gapX);
    }
    const columns = Map.groupBy(layout.nodes, (node) => node.x);
    for (const nodes of columns.values()) {
      const ys = nodes.map((node) => node.y).toSorted((a, b) => a - b);
      for (let index = 1; index < ys.length; index++) {
        expect((ys[index] ?? 0) - (ys[index - 1] ?? 0)).toBeGreaterThanOrEqual(NODE_SIZE.height);
      }
    }
  });

  test('a chain is a straight line', () => {
    const layout = layoutForest(
      buildForest({ processes: [process('a'), process('b', 'a'), process('c', 'b')], files: [] }),
    );
    expect(new Set(layout.nodes.map((node) => node.y)).size).toBe(1);
  });
});
