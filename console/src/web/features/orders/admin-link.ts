const COMMAND = 'npx yagura-console admin link';
/** What a POSIX shell reads as one word without quotes, and no command as an option. */
const PLAIN = /^[\p{L}\p{N}][\p{L}\p{N}._@-]*$/u;
/** Characters that a terminal may obey when they are pasted. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * The command that makes a sign-in link for this person, to be pasted into a shell as it is. Without a name,
 * or with one that cannot be shown, the command finds the only administrator or says whom to choose from.
 */
export function adminLinkCommand(name?: string): string {
  if (name === undefined || UNSEEN.test(name)) return COMMAND;
  if (PLAIN.test(name)) return `${COMMAND} --name ${name}`;
  return `${COMMAND} --name='${name.replaceAll("'", `'\\''`)}'`;
}
