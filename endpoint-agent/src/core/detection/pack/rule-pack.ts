import type { RuleRejection } from '../evaluator.ts';
import { isRecord } from '../plain-data.ts';
import { type LoadedRules, linkRules } from '../sigma/load-rules.ts';
import { parseRules, type RuleSource } from '../sigma/parse-rule.ts';
import type { Placeholders } from '../sigma/placeholders.ts';
import type { SigmaDocument } from '../sigma/rule-ast.ts';
import { ExpressionPacker, readTests } from './packed-expression.ts';
import { readDocument } from './read-document.ts';

/**
 * A compiled pack: the documents of many rule files, parsed and with their modifiers applied, so that an endpoint
 * need not parse YAML. One JSON object, in UTF-8; who may load one is decided by its signature, not here.
 */
export const PACK_FORMAT = 'yagura-rules';
export const PACK_VERSION = 2;
/** Characters of the largest pack; the whole public corpus has about 6 million. */
export const PACK_LENGTH = 67_108_864;

export interface CompiledPack {
  readonly text: string;
  readonly documents: number;
  /** What the text holds. */
  readonly content: readonly SigmaDocument[];
  readonly rejected: readonly RuleRejection[];
}

/** Compiles rule files. What cannot be loaded is left out and listed, also what does not link. */
export function compilePack(sources: readonly RuleSource[], placeholders: Placeholders = new Map()): CompiledPack {
  const documents: SigmaDocument[] = [];
  const rejected: RuleRejection[] = [];
  for (const source of sources) {
    const parsed = parseRules(source, placeholders);
    documents.push(...parsed.documents);
    rejected.push(...parsed.rejected);
  }
  const linked = linkRules(documents);
  const left = new Set(linked.rejected.map(({ file, line }) => `${file}:${line}`));
  const kept = documents.filter(({ place }) => !left.has(`${place.file}:${place.line}`));
  const packer = new ExpressionPacker();
  const plain = kept.map((document) => toPlain(document, packer));
  const { tests } = packer;
  const text = JSON.stringify({ format: PACK_FORMAT, version: PACK_VERSION, tests, documents: plain });
  return { text, documents: kept.length, content: kept, rejected: [...rejected, ...linked.rejected] };
}

/** Maps have no form in JSON. */
function toPlain(document: SigmaDocument, packer: ExpressionPacker): unknown {
  switch (document.kind) {
    case 'rule':
      return { ...document, expression: packer.pack(document.expression) };
    case 'filter':
      return { ...document, condition: packer.pack(document.condition) };
    case 'correlation':
      return { ...document, aliases: [...document.aliases].map(([alias, fields]) => [alias, [...fields]]) };
  }
}

export const PACK_FAILURES = ['pack_invalid', 'pack_version_unknown', 'pack_too_large'] as const;
export type PackResult =
  | { readonly ok: true; readonly rules: LoadedRules }
  | { readonly ok: false; readonly code: (typeof PACK_FAILURES)[number]; readonly message: string };

/** Reads a compiled pack and links its documents. Nothing in it is trusted to have the right shape. */
export function readPack(text: string): PackResult {
  if (text.length > PACK_LENGTH) return { ok: false, code: 'pack_too_large', message: `${text.length} characters` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return invalid('the pack is no JSON');
  }
  if (!isRecord(value) || value['format'] !== PACK_FORMAT) return invalid('this is no pack of rules');
  const { version, tests: packedTests, documents, ...more } = value;
  if (version !== PACK_VERSION) {
    const message = `the pack has version ${String(version)}; this agent reads version ${PACK_VERSION}`;
    return { ok: false, code: 'pack_version_unknown', message };
  }
  if (!Array.isArray(documents) || Object.keys(more).length > 1) return invalid('unknown parts');
  const tests = readTests(packedTests);
  if (tests === undefined) return invalid('what should be tests is none');
  const read: SigmaDocument[] = [];
  for (const [i, each] of documents.entries()) {
    const document = readDocument(each, tests);
    if (document === undefined) return invalid(`document ${i} is none`);
    read.push(document);
  }
  return { ok: true, rules: linkRules(read) };
}

function invalid(message: string): PackResult {
  return { ok: false, code: 'pack_invalid', message };
}
