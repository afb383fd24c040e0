import {
  Bilingual,
  CONFIDENCES,
  type Confidence,
  Id,
  LIMITS,
  RuleFacts,
  SEVERITIES,
  type Severity,
} from '@yagura/protocol';
import type { Problem } from './rejections.ts';
import { entryOf, type YamlMap, type YamlNode } from './yaml-reader.ts';

const STATUSES = ['stable', 'test', 'experimental', 'deprecated', 'unsupported'] as const;
/** How far a rule is trusted whose author did not say: by how long it has proven itself. */
const CONFIDENCE_OF_STATUS: Record<string, Confidence> = {
  stable: 'high',
  test: 'medium',
  experimental: 'low',
  deprecated: 'low',
};
/** Folders of SigmaHQ's repository, and the second level that tells its `rules` from anybody's. */
const SIGMAHQ_PATH =
  /(?:^|\/)(rules-(?:emerging-threats|threat-hunting|compliance|placeholder|dfir)\/.+|rules\/(?:application|category|cloud|identity|linux|macos|network|web|windows)\/.+)$/;
const SIGMAHQ_LICENCE = 'DRL-1.1';
const EXTENSION_KEYS = new Set(['confidence', 'title', 'explanation', 'advice']);

/**
 * What a rule says about itself. SigmaHQ's rules keep author, licence and a link to their source, which the
 * Detection Rule License asks for on every detection. Rules of our own carry a `yagura` extension.
 */
export function parseRuleFacts(root: YamlMap, file: string, problem: Problem): RuleFacts | undefined {
  const title = stringAttribute(root, 'title', problem);
  if (title === undefined) {
    return problem.reject(root.line, 'missing_attribute', 'a rule needs a `title`');
  }
  if (title === '' || title.length > LIMITS.shortText) {
    return problem.reject(
      lineOf(root, 'title'),
      'invalid_attribute',
      `\`title\` has 1 to ${LIMITS.shortText} characters`,
    );
  }
  const status = choice(root, 'status', STATUSES, problem);
  const level = choice(root, 'level', SEVERITIES, problem);
  const extension = parseExtension(root, title, problem);
  const ruleId = parseId(root, file, title, problem);
  const tags = parseTags(root, problem);
  const author = stringAttribute(root, 'author', problem);
  const licence = stringAttribute(root, 'license', problem);
  if (problem.found !== undefined || ruleId === undefined) return undefined;
  if (status === 'unsupported') {
    return problem.reject(lineOf(root, 'status'), 'rule_unsupported', 'its author marks the rule as unsupported');
  }
  const published = extension === undefined ? SIGMAHQ_PATH.exec(file.replaceAll('\\', '/'))?.[1] : undefined;
  const reference =
    published === undefined
      ? firstReference(root)
      : `https://github.com/SigmaHQ/sigma/blob/master/${encodeURI(published)}`;
  const shownLicence = licence ?? (published === undefined ? undefined : SIGMAHQ_LICENCE);
  const facts: RuleFacts = {
    ruleId,
    title,
    source: 'sigma',
    severity: (level ?? 'low') satisfies Severity,
    confidence: extension?.confidence ?? CONFIDENCE_OF_STATUS[status ?? 'experimental'] ?? 'low',
    ...tags,
    ...(author === undefined ? {} : { author: shorten(author, LIMITS.shortText) }),
    ...(reference === undefined ? {} : { reference: shorten(reference, LIMITS.text) }),
    ...(shownLicence === undefined ? {} : { licence: shorten(shownLicence, LIMITS.shortText) }),
    ...extension?.texts,
  };
  const checked = RuleFacts.safeParse(facts);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  return problem.reject(
    root.line,
    'invalid_attribute',
    `${issue?.path.join('.') ?? 'rule'}: ${issue?.message ?? 'invalid'}`,
  );
}

/** The text of an optional attribute; another type is a problem. */
export function stringAttribute(root: YamlMap, key: string, problem: Problem): string | undefined {
  const entry = entryOf(root, key);
  if (entry === undefined || (entry.value.kind === 'scalar' && entry.value.value === null)) return undefined;
  if (entry.value.kind !== 'scalar') return problem.reject(entry.line, 'wrong_type', `\`${key}\` must be a string`);
  return entry.value.source;
}

function lineOf(root: YamlMap, key: string): number {
  return entryOf(root, key)?.line ?? root.line;
}

function choice<T extends string>(root: YamlMap, key: string, allowed: readonly T[], problem: Problem): T | undefined {
  const written = stringAttribute(root, key, problem);
  if (written === undefined) return undefined;
  const chosen = allowed.find((value) => value === written);
  return (
    chosen ?? problem.reject(lineOf(root, key), 'invalid_attribute', `\`${key}\` must be one of ${allowed.join(', ')}`)
  );
}

/** `id` is optional in Sigma; a rule without one is known by its place and title. */
function parseId(root: YamlMap, file: string, title: string, problem: Problem): string | undefined {
  const written = stringAttribute(root, 'id', problem);
  if (written === undefined) return `sigma-${fingerprint(`${file}\n${title}`)}`;
  const id = Id.safeParse(written);
  return id.success ? id.data : problem.reject(lineOf(root, 'id'), 'invalid_attribute', '`id` is no identifier');
}

/** FNV-1a with 64 bits: names a rule, protects nothing. */
function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i += 1) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}

function parseTags(root: YamlMap, problem: Problem): Pick<RuleFacts, 'techniques' | 'tactics'> {
  const techniques = new Set<string>();
  const tactics = new Set<string>();
  const entry = entryOf(root, 'tags');
  if (entry !== undefined && !(entry.value.kind === 'scalar' && entry.value.value === null)) {
    if (entry.value.kind !== 'list') problem.reject(entry.line, 'wrong_type', '`tags` must be a list');
    else for (const item of entry.value.items) addTag(item, techniques, tactics);
  }
  return { techniques: [...techniques].slice(0, 20), tactics: [...tactics].slice(0, 14) };
}

function addTag(item: YamlNode, techniques: Set<string>, tactics: Set<string>): void {
  if (item.kind !== 'scalar') return;
  const tag = item.source.toLowerCase();
  const technique = /^attack\.(t\d{4}(?:\.\d{3})?)$/.exec(tag)?.[1];
  if (technique !== undefined) techniques.add(technique.toUpperCase());
  // Tactics have words for names; groups and software (`g0016`, `s0002`) have numbers.
  const tactic = /^attack\.([a-z][a-z_-]{2,63})$/.exec(tag)?.[1];
  if (tactic !== undefined) tactics.add(tactic.replaceAll('_', '-'));
}

function firstReference(root: YamlMap): string | undefined {
  const references = entryOf(root, 'references')?.value;
  const [first] = references?.kind === 'list' ? references.items : [];
  return first?.kind === 'scalar' && first.source !== '' ? first.source : undefined;
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

interface Extension {
  readonly confidence: Confidence | undefined;
  readonly texts: Pick<RuleFacts, 'explanation' | 'advice' | 'localTitle'>;
}

/** `yagura: { confidence, title: {ja}, explanation: {ja, en}, advice: {ja, en} }`. */
function parseExtension(root: YamlMap, title: string, problem: Problem): Extension | undefined {
  const entry = entryOf(root, 'yagura');
  if (entry === undefined) return undefined;
  if (entry.value.kind !== 'map') return problem.reject(entry.line, 'wrong_type', '`yagura` must be a map');
  const map = entry.value;
  const unknown = map.entries.find(({ key }) => !EXTENSION_KEYS.has(key));
  if (unknown !== undefined) {
    return problem.reject(unknown.line, 'invalid_attribute', `\`yagura.${unknown.key}\` is unknown`);
  }
  const confidence = choice(map, 'confidence', CONFIDENCES, problem);
  const explanation = bilingual(map, 'explanation', undefined, problem);
  const advice = bilingual(map, 'advice', undefined, problem);
  const localTitle = bilingual(map, 'title', title, problem);
  return {
    confidence,
    texts: {
      ...(explanation === undefined ? {} : { explanation }),
      ...(advice === undefined ? {} : { advice }),
      ...(localTitle === undefined ? {} : { localTitle }),
    },
  };
}

function bilingual(map: YamlMap, key: string, english: string | undefined, problem: Problem): Bilingual | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  if (entry.value.kind !== 'map') return problem.reject(entry.line, 'wrong_type', `\`yagura.${key}\` must be a map`);
  const ja = stringAttribute(entry.value, 'ja', problem);
  const en = stringAttribute(entry.value, 'en', problem) ?? english;
  const checked = Bilingual.safeParse({ ja, en });
  return checked.success
    ? checked.data
    : problem.reject(entry.line, 'invalid_attribute', `\`yagura.${key}\` needs texts \`ja\` and \`en\``);
}
