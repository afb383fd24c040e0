import { posix } from 'node:path';
import { encodePath } from '../../../native/path-bytes.ts';
import type { Fields } from './fields.ts';
import { decimal, type RecordFields, stringBytes } from './record.ts';

const INTERPRETER = /^(?:(?:ba|da|z|k|a|fi)?sh|python|perl|ruby|node|php|lua|tclsh|awk|gawk|mawk)[\d.]*$/;
/** Options after which no file follows: the program is text, a module, or read from elsewhere. */
const NO_FILE = /^(?:-[a-zA-Z]*[cemEspr]|--eval|--print|--command|--version|--help)$/;
const FILE_OPTION = /^(?:-f|--file)$/;
const MAX_WORDS = 8;

/**
 * The script that an interpreter was started for. By its first line (`#!`): then the kernel opened the script
 * before the interpreter and put its path into the arguments. Or named to the interpreter by hand: then it is
 * the first argument that is no option, if it could be a file.
 */
export function scriptFile(
  paths: readonly RecordFields[],
  argv: readonly string[],
  directory: string | undefined,
): string | undefined {
  const item = (index: number) => {
    const bytes = stringBytes(paths.find((path) => decimal(path.get('item')) === index)?.get('name'));
    return bytes && encodePath(bytes);
  };
  const opened = item(0);
  // Linux 6.1 names the script twice.
  const next = item(1) === opened ? item(2) : item(1);
  if (opened !== undefined && next === argv[0] && (argv[1] === opened || argv[2] === opened)) {
    return absolute(opened, directory);
  }
  const program = posix.basename(argv[0] ?? '').replace(/^-/, '');
  if (!INTERPRETER.test(program)) return undefined;
  const isAwk = program.endsWith('awk');
  for (const [index, word] of argv.slice(1, 1 + MAX_WORDS).entries()) {
    if (isAwk) {
      if (FILE_OPTION.test(word)) return absolute(argv[index + 2], directory);
      continue;
    }
    if (NO_FILE.test(word)) return undefined;
    if (!word.startsWith('-')) return absolute(word, directory);
  }
  return undefined;
}

function absolute(path: string | undefined, directory: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  if (path.startsWith('/')) return posix.normalize(path);
  return directory === undefined ? undefined : posix.normalize(`${directory}/${path}`);
}

/** What runs lies in memory only, or its file was removed: the kernel says so at the end of its name. */
export function imageState(image: unknown): Fields {
  if (typeof image !== 'string' || !image.endsWith(' (deleted)')) return {};
  return { ImageState: image.startsWith('/memfd:') ? 'memfd' : 'deleted' };
}
