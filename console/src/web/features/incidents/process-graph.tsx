import cytoscape, { type Core, type StylesheetJson } from 'cytoscape';
import { useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { type ForestLayout, layoutForest, NODE_SIZE, type PlacedNode } from './forest-layout.ts';
import type { Forest } from './process-forest.ts';
import classes from './process-graph.module.css';
import { baseName } from './story-facts.ts';

interface ProcessGraphProps {
  readonly forest: Forest;
  /** Keys of the processes that a rule matched. */
  readonly detected: ReadonlySet<string>;
  readonly selected: string | undefined;
  readonly onSelect: (key: string | undefined) => void;
}

function labelOf(item: PlacedNode['item']): string {
  if (item.kind === 'file') return baseName(item.file.path);
  const name = item.process.image === undefined ? '?' : baseName(item.process.image);
  return `${name}\n${item.process.pid}`;
}

/** A tone of the product for each state, so that the graph reads like the badges. */
function toneOf(item: PlacedNode['item'], detected: boolean): string {
  if (item.kind === 'file') return item.file.state === 'quarantined' ? 'settled' : 'quiet';
  if (item.process.context) return 'context';
  if (item.process.state === 'killed') return 'settled';
  if (item.process.state === 'frozen') return 'attention';
  return detected ? 'severe' : 'quiet';
}

function elementsOf(layout: ForestLayout, detected: ReadonlySet<string>): cytoscape.ElementDefinition[] {
  return [
    ...layout.nodes.map((node) => ({
      group: 'nodes' as const,
      data: {
        id: node.key,
        label: labelOf(node.item),
        kind: node.item.kind,
        tone: toneOf(node.item, detected.has(node.key)),
        detected: detected.has(node.key) ? 'yes' : 'no',
      },
      position: { x: node.x, y: node.y },
    })),
    ...layout.edges.map((edge, index) => ({
      group: 'edges' as const,
      data: { id: `edge:${index}`, source: edge.from, target: edge.to, kind: edge.kind },
    })),
  ];
}

/** Cytoscape draws on a canvas and cannot read CSS variables: they are resolved here, once per scheme. */
function styleSheet(): StylesheetJson {
  const computed = getComputedStyle(document.documentElement);
  const color = (name: string) => computed.getPropertyValue(`--yg-${name}`).trim();
  const toned = (tone: string, name: string): StylesheetJson[number] => ({
    selector: `node[tone = "${tone}"]`,
    style: {
      'background-color': color(`${name}-bg`),
      'border-color': color(`${name}-line`),
      color: color(`${name}-fg`),
    },
  });
  return [
    {
      selector: 'node',
      style: {
        shape: 'round-rectangle',
        width: NODE_SIZE.width,
        height: NODE_SIZE.height,
        label: 'data(label)',
        'font-family': computed.getPropertyValue('--mantine-font-family').trim(),
        'font-size': 13,
        'text-valign': 'center',
        'text-halign': 'center',
        'text-wrap': 'wrap',
        'text-max-width': `${NODE_SIZE.width - 16}px`,
        'text-overflow-wrap': 'anywhere',
        'border-width': 1,
        'overlay-opacity': 0,
      },
    },
    toned('severe', 'severe'),
    toned('attention', 'attention'),
    toned('settled', 'settled'),
    toned('quiet', 'quiet'),
    {
      selector: 'node[tone = "context"]',
      style: {
        'background-color': color('surface'),
        'border-color': color('quiet-line'),
        'border-style': 'dashed',
        color: color('dimmed'),
      },
    },
    { selector: 'node[kind = "file"]', style: { shape: 'cut-rectangle' } },
    { selector: 'node[detected = "yes"]', style: { 'border-width': 3, 'font-weight': 'bold' } },
    { selector: 'node:selected', style: { 'border-width': 4, 'border-color': color('information-line') } },
    {
      selector: 'edge',
      style: {
        width: 1.5,
        'line-color': color('quiet-line'),
        'target-arrow-color': color('quiet-line'),
        'target-arrow-shape': 'triangle',
        'arrow-scale': 0.8,
        'curve-style': 'taxi',
        'taxi-direction': 'rightward',
        'taxi-turn': '50%',
      },
    },
    { selector: 'edge[kind = "wrote"]', style: { 'line-style': 'dashed' } },
  ];
}

const MAX_ZOOM = 1.1;
/** Below this the names cannot be read: rather show a part, from its root, and let the reader move it. */
const MIN_READABLE_ZOOM = 0.72;
const MARGIN = 24;

function showReadable(graph: Core): void {
  graph.fit(undefined, MARGIN);
  if (graph.zoom() > MAX_ZOOM) {
    graph.zoom(MAX_ZOOM);
    graph.center();
  } else if (graph.zoom() < MIN_READABLE_ZOOM) {
    graph.zoom(MIN_READABLE_ZOOM);
    const box = graph.elements().renderedBoundingBox();
    graph.panBy({ x: MARGIN - box.x1, y: MARGIN - box.y1 });
  }
}

function showSelected(graph: Core, selected: string | undefined): void {
  graph.elements(':selected').unselect();
  if (selected !== undefined) graph.getElementById(selected).select();
}

/** The trees as a picture. Its content in words is the nested list beside it. */
export default function ProcessGraph({ forest, detected, selected, onSelect }: ProcessGraphProps) {
  const { t } = useTranslation();
  const holder = useRef<HTMLElement>(null);
  const core = useRef<Core | undefined>(undefined);
  // What the graph's own events and its rebuilding need of the latest render.
  const latest = useRef({ onSelect, selected });
  const layout = useMemo(() => layoutForest(forest), [forest]);

  useEffect(() => {
    latest.current = { onSelect, selected };
    if (core.current !== undefined) showSelected(core.current, selected);
  }, [onSelect, selected]);

  useEffect(() => {
    if (holder.current === null) return;
    const graph = cytoscape({
      container: holder.current,
      elements: elementsOf(layout, detected),
      style: styleSheet(),
      layout: { name: 'preset', fit: false },
      minZoom: 0.25,
      maxZoom: 2,
      autoungrabify: true,
      selectionType: 'single',
      // The wheel belongs to the page; the picture is moved by dragging it.
      userZoomingEnabled: false,
      boxSelectionEnabled: false,
    });
    showReadable(graph);
    showSelected(graph, latest.current.selected);
    graph.on('tap', (event) =>
      latest.current.onSelect(event.target === graph ? undefined : (event.target.id() as string)),
    );
    core.current = graph;
    return () => {
      core.current = undefined;
      graph.destroy();
    };
  }, [layout, detected]);

  const rows = new Set(layout.nodes.map((node) => Math.round(node.y))).size;
  const height = Math.min(480, Math.max(150, rows * (NODE_SIZE.height + NODE_SIZE.gapY) + 2 * MARGIN));
  return <figure ref={holder} aria-label={t('tree.graphLabel')} className={classes['graph']} style={{ height }} />;
}
