/** What stands in the place of a secret. */
export const MASK = '***';

/** Words that make a name one of a secret wherever they stand in it: `PGPASSWORD`, `dbPassword`. */
const ANYWHERE = ['password', 'passwd', 'passphrase'];
/** Words that do so only as a part of their own: `bypass`, `tokenize` and `secretary` are no secrets. */
const AS_PART =
  'pass|pwd|secret|secrets|token|credential|credentials|api_?key|access_?key|secret_?key|private_?key|account_?key|auth_?key|encryption_?key|signing_?key|connection_?string';

const PARTS = new RegExp(`(?:^|_)(?:${AS_PART})(?:_|\\d|$)`);
/** What such a name may speak of without being it: where it is, how long, whether. */
const ABOUT =
  /(?:^|_)(?:stdin|file|files|path|dir|env|command|fd|prompt|length|size|limit|count|policy|expiry|expires|ttl|timeout|id|name|type|url|uri|endpoint|hint|field|store|manager|service|socket)\d*$|^(?:no|without|disable|enable|allow|require|max|min|skip|use|reset|change|forgot)_/;

/** Whether the value of something with this name (an option, a variable, a JSON key, a header) is a secret. */
export function isSecretName(name: string): boolean {
  if (name.length > 128) return false;
  const plain = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .toLowerCase();
  if (ABOUT.test(plain)) return false;
  return ANYWHERE.some((word) => plain.includes(word)) || PARTS.test(plain);
}

/** For a first, cheap look at a text: without one of these no name in it can be one of a secret. */
export const SECRET_HINT = /pass|pwd|secret|token|credential|key|connection/i;
