import { MASK } from './secret-names.ts';

/** A short option whose value is a secret in this program alone; in others the same letter means something else. */
interface ProgramOption {
  /** Names of the program's file. */
  readonly program: RegExp;
  readonly option: RegExp;
  /** `separate`: the next argument. `attached`: the rest of the same one. */
  readonly value: 'separate' | 'attached' | 'either';
  /** What of the value is secret: all, or what follows this character. */
  readonly after?: string;
}

const OPTIONS: readonly ProgramOption[] = [
  { program: /^curl$/, option: /^(?:--(?:proxy-)?user(?:=|$)|-[uU])/, value: 'either', after: ':' },
  { program: /^(?:mysql\w*|mariadb[\w-]*)$/, option: /^-p/, value: 'attached' },
  { program: /^sshpass$/, option: /^-p/, value: 'either' },
  { program: /^(?:plink|pscp|psftp|putty)(?:\.exe)?$/, option: /^-pw$/, value: 'separate' },
  { program: /^redis-cli$/, option: /^-a$/, value: 'separate' },
  { program: /^ldap\w+$/, option: /^-w/, value: 'either' },
  { program: /^(?:smbclient|rpcclient|smbmap|winexe|net)$/, option: /^-U/, value: 'either', after: '%' },
  { program: /^(?:zip|unzip)$/, option: /^-P/, value: 'either' },
  { program: /^(?:7z|7za|7zr|rar|unrar)$/, option: /^-(?:p|hp)/, value: 'attached' },
  { program: /^openssl$/, option: /^-(?:passin|passout|pass)$/, value: 'separate', after: 'pass:' },
  { program: /^openssl$/, option: /^-(?:k|K)$/, value: 'separate' },
  { program: /^(?:useradd|usermod)$/, option: /^-p$/, value: 'separate' },
  { program: /^(?:x?freerdp\d?|wlfreerdp|rdesktop)$/, option: /^\/p:/, value: 'attached' },
  {
    program: /^(?:mongo|mongosh|mongodump|mongorestore|cqlsh|docker|podman|helm|az)$/,
    option: /^-p$/,
    value: 'separate',
  },
];

/** The first arguments after which `-p` is a published port and no password. */
const PORT_COMMANDS = /^(?:run|create|exec|compose|container|kube|pod)$/;

/**
 * Masks what a program's own short options give away. `argv` begins with the program. Returns undefined when
 * there is nothing to mask.
 */
export function maskProgramOptions(argv: readonly string[]): string[] | undefined {
  const program = argv[0]?.slice(argv[0].lastIndexOf('/') + 1) ?? '';
  const rules = OPTIONS.filter((rule) => rule.program.test(program));
  if (rules.length === 0 || (/^(?:docker|podman)$/.test(program) && PORT_COMMANDS.test(argv[1] ?? '')))
    return undefined;
  let masked: string[] | undefined;
  const put = (index: number, text: string) => {
    masked ??= [...argv];
    masked[index] = text;
  };
  for (const [index, argument] of argv.entries()) {
    if (index === 0) continue;
    for (const rule of rules) {
      const found = rule.option.exec(argument)?.[0];
      if (found === undefined) continue;
      const attached = argument.slice(found.length);
      const next = argv[index + 1];
      if (attached !== '' && rule.value !== 'separate') put(index, found + maskPart(attached, rule.after));
      else if (attached === '' && rule.value !== 'attached' && next !== undefined) {
        put(index + 1, maskPart(next, rule.after));
      }
      break;
    }
  }
  return masked;
}

function maskPart(value: string, after: string | undefined): string {
  if (after === undefined) return MASK;
  const at = value.indexOf(after);
  return at < 0 || at + after.length === value.length ? value : value.slice(0, at + after.length) + MASK;
}
