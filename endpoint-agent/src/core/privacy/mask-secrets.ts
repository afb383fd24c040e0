import { maskProgramOptions } from './program-options.ts';
import { isSecretName, MASK, SECRET_HINT } from './secret-names.ts';
import { maskTokens } from './token-formats.ts';

/**
 * Takes passwords, tokens and keys out of a text: of a command line, a script, a configuration file. What runs
 * something stays readable (`PASSWORD=$(...)`, what follows `;` or `|`), so that nobody can hide a command
 * behind the name of a secret. Pure, and linear in the text.
 */
export function maskSecrets(text: string): string {
  const named = SECRET_HINT.test(text) ? maskNamed(text) : text;
  return maskTokens(maskCommands(named));
}

/** As `maskSecrets` for an exact argument vector, where a value may hold blanks. */
export function maskArguments(argv: readonly string[]): string[] {
  const program = maskProgramOptions(argv) ?? argv;
  return program.map((argument, index) => {
    const before = argv[index - 1];
    if (before !== undefined && isSecretOption(before) && isValue(argument)) return MASK;
    const equals = argument.indexOf('=');
    if (equals > 0 && argument.startsWith('-') && isSecretName(argument.slice(0, equals))) {
      return isExecuted(argument.slice(equals + 1)) ? argument : argument.slice(0, equals + 1) + MASK;
    }
    return maskSecrets(argument);
  });
}

/** A name, perhaps quoted, and what separates it from its value. */
const NAMED =
  /(?<![$A-Za-z0-9_.-])(-{0,2})([A-Za-z][A-Za-z0-9_.-]{1,127})(["']?[ \t]{0,4}(?:=|:(?!\/\/))[ \t]{0,4}|[ \t]+)/g;
const UNQUOTED_OPTION = /[^\s"'`;|<>]+/y;
const UNQUOTED = /[^\s"'`;|<>&()]+/y;

function maskNamed(text: string): string {
  let masked = '';
  let from = 0;
  NAMED.lastIndex = 0;
  for (let match = NAMED.exec(text); match; match = NAMED.exec(text)) {
    const [whole, dashes = '', name = '', separator = ''] = match;
    const valueAt = match.index + whole.length;
    // Without a sign between them only an option takes the next word: `cat token` speaks of a file.
    const isOption = dashes !== '';
    const mayHold = (separator.trim() !== '' || isOption) && isSecretName(name);
    const value = mayHold ? valueEnd(text, valueAt, isOption) : undefined;
    if (value === undefined) {
      NAMED.lastIndex = Math.max(match.index + dashes.length + name.length, match.index + 1);
      continue;
    }
    masked += `${text.slice(from, value.start)}${MASK}`;
    from = value.end;
    NAMED.lastIndex = Math.max(value.end, match.index + 1);
  }
  return masked + text.slice(from);
}

/** Where the value at this place begins (after its quote) and ends; undefined for what is no literal value. */
function valueEnd(text: string, at: number, isOption: boolean): { start: number; end: number } | undefined {
  const quote = text[at];
  if (quote === '"' || quote === "'") {
    const end = closingQuote(text, at + 1, quote);
    const inner = text.slice(at + 1, end);
    return inner === '' || (quote === '"' && isExecuted(inner)) ? undefined : { start: at + 1, end };
  }
  const pattern = isOption ? UNQUOTED_OPTION : UNQUOTED;
  pattern.lastIndex = at;
  const value = pattern.exec(text)?.[0];
  if (value === undefined || !isValue(value) || isExecuted(value)) return undefined;
  return { start: at, end: at + value.length };
}

function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\' && quote === '"') at += 1;
    else if (text[at] === quote) return at;
    else if (text[at] === '\n') return at;
  }
  return text.length;
}

/** What a shell would run or look up is no literal secret. */
function isExecuted(value: string): boolean {
  return value.startsWith('$')
    ? !/^\$(?:1|2[aby]|5|6|7|y|gy)\$/.test(value)
    : value.includes('$(') || value.includes('`');
}

function isValue(argument: string): boolean {
  return argument !== '' && argument !== MASK && !/^--?[A-Za-z]/.test(argument);
}

function isSecretOption(argument: string): boolean {
  return /^--?[A-Za-z]/.test(argument) && !argument.includes('=') && isSecretName(argument);
}

/** The beginnings of commands within a text, by the programs that have secret short options. */
const COMMAND =
  /(?:^|[\s;|&("'`/])((?:curl|mysql\w{0,16}|mariadb[\w-]{0,16}|sshpass|plink|redis-cli|ldap\w{1,16}|smbclient|rpcclient|winexe|zip|unzip|7z[ar]?|openssl|useradd|usermod|x?freerdp\d?|mongo\w{0,16}|docker|podman)[ \t][^\n;|&]+)/g;
const ECHOED_ACCOUNT =
  /(\becho[ \t]{1,8}(?:-\w{1,4}[ \t]{1,8})?["']?[\w.-]{1,64}:)(?!\*\*\*)[^\s"'|]{1,512}(?=["']?\s{0,8}\|\s{0,8}(?:sudo\s{1,8})?chpasswd\b)/g;

function maskCommands(text: string): string {
  if (!text.includes(' -') && !text.includes(' /p:') && !text.includes('chpasswd')) return text;
  const masked = text.replaceAll(COMMAND, (whole: string, command: string) => {
    const words = command.split(' ').map((word) => /^(["']?)(.*?)(["']?)$/s.exec(word)?.slice(1) ?? ['', word, '']);
    const changed = maskProgramOptions(words.map(([, word = '']) => word));
    if (!changed) return whole;
    const kept = words.map(([open = '', , close = ''], index) => open + (changed[index] ?? '') + close);
    return whole.slice(0, whole.length - command.length) + kept.join(' ');
  });
  return masked.includes('chpasswd') ? masked.replaceAll(ECHOED_ACCOUNT, `$1${MASK}`) : masked;
}
