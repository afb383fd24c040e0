import type { Event } from '@yagura/protocol';
import { programName, SHELLS } from './system-roles.ts';

const INTERPRETER = /^(?:python|perl|ruby|node|php|lua|tclsh|wish|pwsh|awk|gawk|mawk)[\d.]*$/;
/** Options that make the interpreter run text or a module instead of a file. */
const INLINE_OPTIONS: Readonly<Record<string, RegExp>> = {
  shell: /^-[a-z]*c$/,
  python: /^-(?:c|m)$/,
  other: /^(?:-e|-r|-E|-n|-p|--eval|--run)$/,
};
/** The dynamic loader runs any program that is named to it: `ld-linux-x86-64.so.2 /tmp/x`. */
const LOADER = /^ld(?:-linux.*|-musl.*|64|-[\d.]+)?\.so(?:\.\d+)*$/;
/** Options of glibc's and musl's loaders that take the next word with them. */
const LOADER_VALUES: ReadonlySet<string> = new Set([
  '--library-path',
  '--glibc-hwcaps-prepend',
  '--glibc-hwcaps-mask',
  '--inhibit-rpath',
  '--audit',
  '--preload',
  '--argv0',
]);
const MAX_WORDS = 32;

/** What an event says of the program that started. */
export interface Execution {
  readonly image?: string | undefined;
  readonly commandLine?: string | undefined;
  readonly currentDirectory?: string | undefined;
  /** The exact argument vector, where joining it with blanks would be ambiguous. */
  readonly argv?: readonly string[] | undefined;
}

/** What a process_creation event says of the program. The field `Arguments` is a JSON array of strings. */
export function executionOf({ fields }: Event): Execution {
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return {
    image: text(fields['Image']),
    commandLine: text(fields['CommandLine']),
    currentDirectory: text(fields['CurrentDirectory']),
    argv: parseArguments(text(fields['Arguments'])),
  };
}

function parseArguments(json: string | undefined): readonly string[] | undefined {
  if (json === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(json);
    return Array.isArray(parsed) ? parsed.filter((item) => typeof item === 'string') : undefined;
  } catch {
    return undefined; // Shortened by the normaliser.
  }
}

/** Whether the program reads another file for what it shall do. */
export function isInterpreter(image: string | undefined): boolean {
  const name = programName(image);
  return name !== undefined && (SHELLS.has(name) || INTERPRETER.test(name) || LOADER.test(name));
}

/**
 * The files whose content a new program runs: its image and, for `sh FILE`, `python FILE`, `ld.so FILE` and
 * the like, the script or program. Without `argv` words are split at blanks, so that a script with a blank in its name is not found;
 * the script's path is absolute, with `.` and `..` resolved by text alone.
 */
export function executedFiles(execution: Execution): readonly string[] {
  const files = new Set<string>();
  if (execution.image !== undefined && execution.image !== '') files.add(execution.image);
  const script = isInterpreter(execution.image) ? scriptOf(execution) : undefined;
  if (script !== undefined) files.add(script);
  return [...files];
}

function scriptOf(execution: Execution): string | undefined {
  const words = execution.argv?.slice(0, MAX_WORDS) ?? (execution.commandLine ?? '').trim().split(/\s+/, MAX_WORDS);
  const name = programName(execution.image) ?? '';
  if (LOADER.test(name)) return loadedProgram(words.slice(1), execution.currentDirectory);
  const kind = SHELLS.has(name) ? 'shell' : name.startsWith('python') ? 'python' : 'other';
  const inline = INLINE_OPTIONS[kind];
  for (const word of words.slice(name === 'busybox' ? 2 : 1)) {
    if (inline?.test(word) === true) return undefined;
    if (word.startsWith('-') || word === '') continue;
    return absolutePath(word, execution.currentDirectory);
  }
  return undefined;
}

function loadedProgram(words: readonly string[], currentDirectory: string | undefined): string | undefined {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (LOADER_VALUES.has(word)) at += 1;
    else if (word !== '' && !word.startsWith('--')) return absolutePath(word, currentDirectory);
  }
  return undefined;
}

/** The path with `.` and `..` resolved; undefined when it is relative to nobody knows what. */
export function absolutePath(path: string, currentDirectory: string | undefined): string | undefined {
  if (!path.startsWith('/') && (currentDirectory === undefined || !currentDirectory.startsWith('/'))) return undefined;
  const full = path.startsWith('/') ? path : `${currentDirectory}/${path}`;
  const parts: string[] = [];
  for (const part of full.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
