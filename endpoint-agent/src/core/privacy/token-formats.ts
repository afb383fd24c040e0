import { MASK } from './secret-names.ts';

/**
 * Secrets that are known by their form. Every quantifier is bounded or followed by what it cannot match, so
 * that the time is linear in the text. What is kept says which kind of secret it was, and of AWS which key.
 */
const FORMATS: readonly (readonly [hint: string, pattern: RegExp, replacement: string])[] = [
  // scheme://user:password@host
  ['://', /(:\/\/[^\s/?#@:'"]{0,256}):(?!\*\*\*@)[^\s/?#@'"]{1,512}@/g, `$1:${MASK}@`],
  ['earer', /\b([Bb]earer[ \t]{1,8})[A-Za-z0-9._~+/=-]{8,}/g, `$1${MASK}`],
  [
    'uthorization',
    /\b([Aa]uthorization["']?[ \t]{0,8}[:=][ \t]{0,8}["']?(?:[Bb]asic|[Tt]oken|[Dd]igest|[Nn]egotiate)[ \t]{1,8})[^\s"']{1,4096}/g,
    `$1${MASK}`,
  ],
  [
    'ookie',
    /\b((?:[Ss]et-)?[Cc]ookie:[ \t]{0,8})(?!\*\*\*)[^\s;"'|]{1,4096}(?:; ?[\w.-]{1,64}=[^\s;"'|]{0,4096}){0,64}/g,
    `$1${MASK}`,
  ],
  ['KIA', /\b(AKIA[A-Z0-9]{4})[A-Z0-9]{12}\b/g, `$1${MASK}`],
  ['SIA', /\b(ASIA[A-Z0-9]{4})[A-Z0-9]{12}\b/g, `$1${MASK}`],
  ['gh', /\b(gh[pousr]_)[A-Za-z0-9]{20,255}\b/g, `$1${MASK}`],
  ['github_pat_', /\b(github_pat_)[A-Za-z0-9_]{20,255}/g, `$1${MASK}`],
  ['glpat-', /\b(glpat-)[A-Za-z0-9_-]{16,255}/g, `$1${MASK}`],
  ['xox', /\b(xox[abeoprs]-)[A-Za-z0-9-]{10,255}/g, `$1${MASK}`],
  ['hooks.slack.com', /(hooks\.slack\.com\/(?:services|workflows)\/)[A-Za-z0-9/]{10,255}/g, `$1${MASK}`],
  ['_live_', /\b([sr]k_live_)[A-Za-z0-9]{10,255}/g, `$1${MASK}`],
  ['sk-', /\b(sk-)[A-Za-z0-9_-]{20,255}/g, `$1${MASK}`],
  ['AIza', /\b(AIza)[A-Za-z0-9_-]{35}/g, `$1${MASK}`],
  ['npm_', /\b(npm_)[A-Za-z0-9]{36}\b/g, `$1${MASK}`],
  ['eyJ', /\b(eyJ)[A-Za-z0-9_-]{10,4096}\.[A-Za-z0-9_-]{2,8192}\.[A-Za-z0-9_-]{0,2048}/g, `$1${MASK}`],
  ['sig=', /([?&]sig=)(?!\*\*\*)[A-Za-z0-9%+/=_-]{16,512}/g, `$1${MASK}`],
  // crypt(3): $6$salt$hash
  ['$', /(\$(?:1|2[aby]|5|6|7|y|gy)\$)[./A-Za-z0-9=,$]{16,512}/g, `$1${MASK}`],
];

const PRIVATE_KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
/** Of the text between BEGIN and END: base64, a header, or an end of line, also written as `\n`. Never a command. */
const KEY_LINE =
  /(?:\r?\n|\\n|[ \t])*(?:[A-Za-z0-9+/=]{16,4096}|[A-Za-z0-9+/]{1,16}={0,2}(?=\s*-----END)|(?:Proc-Type|DEK-Info|Version|Comment): ?[^\r\n]{0,120})/y;

/** Masks secrets known by their form alone. */
export function maskTokens(text: string): string {
  let masked = text;
  for (const [hint, pattern, replacement] of FORMATS) {
    if (masked.includes(hint)) masked = masked.replace(pattern, replacement);
  }
  return masked.includes('PRIVATE KEY') ? maskPrivateKeys(masked) : masked;
}

function maskPrivateKeys(text: string): string {
  let masked = '';
  let from = 0;
  for (const begin of text.matchAll(PRIVATE_KEY_BEGIN)) {
    const bodyAt = begin.index + begin[0].length;
    if (bodyAt < from) continue;
    let end = bodyAt;
    for (;;) {
      KEY_LINE.lastIndex = end;
      if (!KEY_LINE.test(text)) break;
      end = KEY_LINE.lastIndex;
    }
    if (end === bodyAt) continue;
    masked += `${text.slice(from, bodyAt)}${MASK}`;
    from = end;
  }
  return masked + text.slice(from);
}
