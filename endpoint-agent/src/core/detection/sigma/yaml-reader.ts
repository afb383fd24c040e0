import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
} from 'yaml';
import { Problem } from './rejections.ts';

/** A YAML value with the line it stands on (1-based). Aliases are resolved; nothing has a prototype to poison. */
export type YamlNode = YamlMap | YamlList | YamlScalar;
export interface YamlMap {
  readonly kind: 'map';
  readonly line: number;
  readonly entries: readonly YamlEntry[];
}
export interface YamlEntry {
  readonly key: string;
  readonly line: number;
  readonly value: YamlNode;
}
export interface YamlList {
  readonly kind: 'list';
  readonly line: number;
  readonly items: readonly YamlNode[];
}
export interface YamlScalar {
  readonly kind: 'scalar';
  readonly line: number;
  readonly value: string | number | boolean | null;
  /** As written, without quotes. */
  readonly source: string;
}

/** One document of a file: its content, or why it could not be read. */
export interface YamlDocument {
  readonly line: number;
  readonly root: YamlNode | undefined;
  readonly problem: Problem['found'];
}

/** Bounds against hostile files. Lengths in UTF-16 code units. */
export const YAML_LIMITS = {
  fileLength: 1_048_576,
  documents: 2_000,
  /** Nodes of one document with every alias written out. */
  nodes: 20_000,
  depth: 24,
  /** Deepest indentation or flow nesting that is handed to the YAML parser at all. */
  rawDepth: 200,
} as const;

/** Reads a file that may hold several documents. Never throws, whatever the text. */
export function readYaml(text: string): readonly YamlDocument[] {
  const problem = new Problem();
  if (text.length > YAML_LIMITS.fileLength) {
    problem.reject(
      1,
      'file_too_large',
      `the file has ${text.length} characters; ${YAML_LIMITS.fileLength} are allowed`,
    );
    return [{ line: 1, root: undefined, problem: problem.found }];
  }
  const tooDeep = lineOfExcessiveNesting(text);
  if (tooDeep !== undefined) {
    problem.reject(tooDeep, 'yaml_too_deep', `nested more than ${YAML_LIMITS.rawDepth} levels`);
    return [{ line: tooDeep, root: undefined, problem: problem.found }];
  }
  const lines = new LineCounter();
  const documents = parseDocuments(text, lines);
  if (documents === undefined) {
    problem.reject(1, 'yaml_too_deep', 'nested too deeply to be parsed');
    return [{ line: 1, root: undefined, problem: problem.found }];
  }
  const read: YamlDocument[] = [];
  for (const document of documents) {
    if (read.length === YAML_LIMITS.documents) {
      problem.reject(1, 'yaml_too_large', `more than ${YAML_LIMITS.documents} documents`);
      read.push({ line: 1, root: undefined, problem: problem.found });
      break;
    }
    if (document.contents === null && document.errors.length === 0) continue;
    read.push(readDocument(document, lines));
  }
  return read;
}

/** Undefined when the text exhausts the parser's recursion. */
function parseDocuments(text: string, lineCounter: LineCounter): readonly Document.Parsed[] | undefined {
  try {
    const documents = parseAllDocuments(text, {
      lineCounter,
      prettyErrors: false,
      logLevel: 'error',
      stringKeys: true,
      version: '1.2',
    });
    return Array.isArray(documents) ? documents : [];
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readDocument(document: Document.Parsed, lines: LineCounter): YamlDocument {
  const problem = new Problem();
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const line = lineAt(document.contents?.range[0] ?? document.range[0]);
  const [error] = document.errors;
  if (error !== undefined) {
    problem.reject(lineAt(error.pos[0]), 'yaml_invalid', error.message);
    return { line, root: undefined, problem: problem.found };
  }
  const conversion: Conversion = { document, lineAt, problem, nodes: 0, open: new Set() };
  const root = document.contents === null ? undefined : convert(conversion, document.contents, 0);
  return { line, root: problem.found === undefined ? root : undefined, problem: problem.found };
}

interface Conversion {
  readonly document: Document.Parsed;
  readonly lineAt: (offset: number) => number;
  readonly problem: Problem;
  nodes: number;
  /** Collections that are being converted: an alias to one of them is a cycle. */
  readonly open: Set<Node>;
}

function convert(conversion: Conversion, node: ParsedNode, depth: number): YamlNode | undefined {
  const { problem } = conversion;
  const line = conversion.lineAt(node.range[0]);
  conversion.nodes += 1;
  if (conversion.nodes > YAML_LIMITS.nodes) {
    return problem.reject(line, 'yaml_too_large', `more than ${YAML_LIMITS.nodes} values in one document`);
  }
  if (depth > YAML_LIMITS.depth) {
    return problem.reject(line, 'yaml_too_deep', `nested more than ${YAML_LIMITS.depth} levels`);
  }
  if (isScalar(node)) return convertScalar(conversion, node.value, node.source, line);
  if (isAlias(node)) {
    const target = node.resolve(conversion.document);
    if (target === undefined) return problem.reject(line, 'yaml_invalid', `unknown alias *${node.source}`);
    if (conversion.open.has(target)) {
      return problem.reject(line, 'yaml_alias_cycle', `alias *${node.source} refers to what contains it`);
    }
    return convert(conversion, target as ParsedNode, depth + 1);
  }
  if (!isMap(node) && !isSeq(node)) return problem.reject(line, 'wrong_type', 'unsupported kind of YAML value');
  conversion.open.add(node);
  const converted = isMap(node)
    ? convertMap(conversion, node.items, line, depth)
    : convertList(conversion, node.items, line, depth);
  conversion.open.delete(node);
  return converted;
}

function convertScalar(
  { problem }: Conversion,
  value: unknown,
  source: string | undefined,
  line: number,
): YamlScalar | undefined {
  if (value === null || typeof value === 'boolean') return { kind: 'scalar', line, value, source: source ?? '' };
  if (typeof value === 'string') {
    // Half a surrogate pair would match half a character of an event.
    if (!value.isWellFormed()) return problem.reject(line, 'yaml_invalid', 'the text is no valid Unicode');
    return { kind: 'scalar', line, value, source: value };
  }
  if (typeof value === 'number') {
    const written = source ?? String(value);
    // Beyond 2^53 the number is no longer what was written; as text it still is.
    const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
    return { kind: 'scalar', line, value: exact ? value : written, source: written };
  }
  return problem.reject(line, 'wrong_type', 'unsupported kind of YAML value');
}

function convertMap(
  conversion: Conversion,
  items: readonly { readonly key: unknown; readonly value: unknown }[],
  line: number,
  depth: number,
): YamlMap | undefined {
  const entries: YamlEntry[] = [];
  for (const item of items) {
    if (!isScalar(item.key) || typeof item.key.value !== 'string') {
      return conversion.problem.reject(line, 'wrong_type', 'a key must be a string');
    }
    const keyLine = conversion.lineAt(item.key.range?.[0] ?? 0);
    const value: YamlNode | undefined =
      item.value === null || item.value === undefined
        ? { kind: 'scalar', line: keyLine, value: null, source: '' }
        : convert(conversion, item.value as ParsedNode, depth + 1);
    if (value === undefined) return undefined;
    entries.push({ key: item.key.value, line: keyLine, value });
  }
  return { kind: 'map', line, entries };
}

function convertList(
  conversion: Conversion,
  items: readonly ParsedNode[],
  line: number,
  depth: number,
): YamlList | undefined {
  const converted: YamlNode[] = [];
  for (const item of items) {
    const node = convert(conversion, item, depth + 1);
    if (node === undefined) return undefined;
    converted.push(node);
  }
  return { kind: 'list', line, items: converted };
}

/**
 * A cheap look before the YAML parser, whose recursion would exhaust the stack: brackets and leading dashes
 * counted without regard to quotes. No honest rule comes near the bound.
 */
function lineOfExcessiveNesting(text: string): number | undefined {
  let line = 1;
  let depth = 0;
  let indicators = 0;
  for (let i = 0; i < text.length; i += 1) {
    const character = text.charCodeAt(i);
    if (character === 0x0a) {
      line += 1;
      indicators = 0;
      if (text.startsWith('---', i + 1)) depth = 0;
    } else if (character === 0x5b || character === 0x7b) {
      depth += 1;
    } else if (character === 0x5d || character === 0x7d) {
      depth = Math.max(0, depth - 1);
    } else if ((character === 0x2d || character === 0x3f) && text.charCodeAt(i + 1) === 0x20) {
      indicators += 1;
    }
    if (depth > YAML_LIMITS.rawDepth || indicators > YAML_LIMITS.rawDepth) return line;
  }
  return undefined;
}

/** The value under `key`, if the map has it. */
export function entryOf(map: YamlMap, key: string): YamlEntry | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** The texts of a list of plain values; undefined when it is none, or empty. */
export function stringList(node: YamlNode): readonly string[] | undefined {
  if (node.kind !== 'list' || node.items.length === 0) return undefined;
  const texts: string[] = [];
  for (const item of node.items) {
    if (item.kind !== 'scalar' || item.value === null) return undefined;
    texts.push(item.source);
  }
  return texts;
}
