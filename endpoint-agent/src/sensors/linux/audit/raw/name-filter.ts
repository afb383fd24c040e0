/** Says which names of files rules can use, in about a microsecond whatever the number of rules. */
export interface NameFilter {
  wants(name: string): boolean;
  /** The name, and the same file's name below the other name of its directory, as far as they are wanted. */
  wantedOf(name: string): readonly string[];
}

/** Beyond this every name is wanted: the expression would cost more than the rules. */
const MAX_TEXTS = 2_000;

/** `texts`: one of which a name must contain, whatever its case; `aliases`: directories with a second name. */
export function nameFilter(
  texts: readonly string[] | 'any',
  aliases: readonly (readonly [real: string, alias: string])[],
): NameFilter {
  const all = texts === 'any' || texts.length > MAX_TEXTS;
  const wanted = all ? undefined : oneOf(texts);
  const wants = (name: string): boolean => all || (wanted?.test(name) ?? false);
  // Only where a rule writes the directory by its other name: else one file would match twice.
  const useful = aliases.flatMap(([real, alias]) => {
    const below = all ? [] : texts.filter((text) => text.toLowerCase().startsWith(`${alias}/`));
    const expression = oneOf(below);
    return expression ? [{ real: `${real}/`, alias: `${alias}/`, expression }] : [];
  });
  return {
    wants,
    wantedOf(name) {
      const names = wants(name) ? [name] : [];
      for (const { real, alias, expression } of useful) {
        if (!name.startsWith(real)) continue;
        const other = `${alias}${name.slice(real.length)}`;
        if (expression.test(other)) names.push(other);
      }
      return names;
    },
  };
}

function oneOf(texts: readonly string[]): RegExp | undefined {
  return texts.length === 0 ? undefined : new RegExp(texts.map(escape).join('|'), 'iu');
}

/** As Sigma folds letters, the dotted capital I is an i. */
function escape(text: string): string {
  return text.split(/i/i).map(plain).join('[iI\u0130]');
}

function plain(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
