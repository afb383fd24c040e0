/** How a text changed, in excerpts of bounded length. */
export interface ContentChange {
  readonly before?: string;
  readonly after?: string;
  /** Lines that the new text has and the old one had not, in order. */
  readonly added?: string;
  readonly removed?: string;
}

/** UTF-16 code units of each excerpt. */
const EXCERPT = 4_000;
/** Of what stands before the first changed line, where a whole text is too long. */
const CONTEXT = 400;

/** Compares two texts by lines; an absent one is a file that is not there or whose content is not known. */
export function describeChange(before: string | undefined, after: string | undefined): ContentChange {
  const added = extraLines(after ?? '', before ?? '');
  const removed = extraLines(before ?? '', after ?? '');
  // Where one text only lost lines, the other shows the place that they were taken from.
  const first = Math.min(added.at ?? Number.POSITIVE_INFINITY, removed.at ?? Number.POSITIVE_INFINITY);
  return {
    ...(before ? { before: excerpt(before, removed.at ?? first) } : {}),
    ...(after ? { after: excerpt(after, added.at ?? first) } : {}),
    ...(added.text ? { added: added.text.slice(0, EXCERPT) } : {}),
    ...(removed.text ? { removed: removed.text.slice(0, EXCERPT) } : {}),
  };
}

/** The lines of `text` without those of `other`, each as often as it stands there, and where the first one is. */
function extraLines(text: string, other: string): { readonly text: string; readonly at?: number } {
  const counts = new Map<string, number>();
  for (const line of other.split('\n')) counts.set(line, (counts.get(line) ?? 0) + 1);
  const extra: string[] = [];
  let first: number | undefined;
  let at = 0;
  for (const line of text.split('\n')) {
    const left = counts.get(line) ?? 0;
    if (left > 0) counts.set(line, left - 1);
    else if (line.trim() !== '') {
      extra.push(line);
      first ??= at;
    }
    at += line.length + 1;
  }
  return { text: extra.join('\n'), ...(first === undefined ? {} : { at: first }) };
}

/** A text that fits stands whole; of a longer one, what is around this place, from the start of a line. */
function excerpt(text: string, at: number): string {
  if (text.length <= EXCERPT) return text;
  const from = Math.min(at, text.length) - CONTEXT;
  const start = from <= 0 ? 0 : text.lastIndexOf('\n', from) + 1;
  return text.slice(start, start + EXCERPT);
}
