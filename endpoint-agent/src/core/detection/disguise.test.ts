import type { EventFields } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { fixturesOf, OWN_RULES, type OwnRule } from '../../../../test/fakes/own-rules.ts';
import { createSigmaEvaluator } from './sigma/create-sigma-evaluator.ts';

const pack = createSigmaEvaluator(OWN_RULES);
const ruleIds = new Map(pack.rules.map(({ facts, place }) => [place.file, facts.ruleId]));

/** What costs an attacker nothing: the same event, written otherwise. Undefined where it would be another event. */
interface Disguise {
  readonly name: string;
  readonly platforms: readonly OwnRule['platform'][];
  readonly change: (text: string, field: string) => string;
}

/** Shells and PowerShell's operators read quoted words otherwise, so that a quoted line would be another command. */
const OPERATORS = /["'^|&<>();%]/;
/** Base64, identifiers of accounts and service names made at random: here, case is what is said. */
const CASE_MATTERS = /[A-Za-z0-9+/=]{40,}|^S-1-|^%SYSTEMROOT%\\KSkDkVQp\.exe$/;

const DISGUISES: readonly Disguise[] = [
  {
    name: 'in capitals',
    platforms: ['windows'],
    change: (text) => (CASE_MATTERS.test(text) ? text : text.toUpperCase()),
  },
  {
    name: 'in small letters',
    platforms: ['windows'],
    change: (text) => (CASE_MATTERS.test(text) ? text : text.toLowerCase()),
  },
  {
    name: 'with more spaces between arguments',
    platforms: ['windows', 'macos', 'linux'],
    change: (text, field) => (field === 'CommandLine' ? spaced(text, '   ') : text),
  },
  {
    name: 'with tabs between arguments',
    platforms: ['windows'],
    change: (text, field) => (field === 'CommandLine' ? spaced(text, '\t') : text),
  },
  {
    name: 'with each argument quoted',
    platforms: ['windows'],
    change: (text, field) => {
      if (field !== 'CommandLine' || OPERATORS.test(text) || /^\S*cmd(?:\.exe)? /i.test(text)) return text;
      const [program = '', ...words] = text.split(' ');
      return [program, ...words.map((word) => `"${word}"`)].join(' ');
    },
  },
];

/** Spaces within quotes and within macOS's folder names are part of a name. */
function spaced(text: string, gap: string): string {
  if (/Application Support|Login Data/.test(text)) return text;
  let quote = '';
  let out = '';
  for (const character of text) {
    if (quote === '' ? character === '"' || character === "'" : character === quote) {
      quote = quote === '' ? character : '';
    }
    out += character === ' ' && quote === '' ? gap : character;
  }
  return out;
}

function isFound(rule: OwnRule, fields: EventFields): boolean {
  const logsource = pack.rules.find(({ place }) => place.file === rule.file)?.logsource;
  const event = { logsource: { ...logsource, product: rule.platform }, fields };
  return pack.evaluate(event).some(({ rule: { ruleId } }) => ruleId === ruleIds.get(rule.file));
}

describe.each(DISGUISES)('what rules find, they find $name', ({ platforms, change }) => {
  test.each(platforms)('on %s', (platform) => {
    let disguised = 0;
    const hidden: string[] = [];
    for (const rule of OWN_RULES.filter((each) => each.platform === platform)) {
      for (const fields of fixturesOf(rule).match) {
        const changed = Object.fromEntries(
          Object.entries(fields).map(([field, value]) => [
            field,
            typeof value === 'string' ? change(value, field) : value,
          ]),
        );
        if (JSON.stringify(changed) !== JSON.stringify(fields)) disguised += 1;
        if (!isFound(rule, changed)) hidden.push(`${rule.file}: ${JSON.stringify(changed)}`);
      }
    }
    expect(hidden).toEqual([]);
    expect(disguised).toBeGreaterThan(20);
  });
});

/** A lookalike that is only mentioned: in a comment, or in words that the program never reads. */
const MENTIONS: Readonly<Record<OwnRule['platform'], Readonly<Record<string, readonly ((text: string) => string)[]>>>> =
  {
    linux: { CommandLine: [(text) => ` # ${text}`] },
    macos: { CommandLine: [(text) => ` # ${text}`] },
    windows: {
      CommandLine: [(text) => ` & rem ${text}`],
      ScriptBlockText: [(text) => `\n# ${text.replaceAll('\n', '\n# ')}`],
    },
  };

test.each(['linux', 'windows', 'macos'] as const)(
  'on %s no mention of an everyday command excuses an attack',
  (platform) => {
    let tried = 0;
    const excused: string[] = [];
    for (const rule of OWN_RULES.filter((each) => each.platform === platform)) {
      const { match, benign } = fixturesOf(rule);
      for (const [field, mentions] of Object.entries(MENTIONS[platform])) {
        const attacks = match.filter((fields) => typeof fields[field] === 'string');
        const lookalikes = benign.map((fields) => fields[field]).filter((value) => typeof value === 'string');
        for (const fields of attacks) {
          for (const text of lookalikes.flatMap((value) => mentions.map((mention) => mention(value)))) {
            tried += 1;
            const changed = { ...fields, [field]: `${String(fields[field])}${text}` };
            if (!isFound(rule, changed)) excused.push(`${rule.file}: ${changed[field]}`);
          }
        }
      }
    }
    expect(excused).toEqual([]);
    expect(tried).toBeGreaterThan(100);
  },
);
