import type { PatternPart } from './rule-ast.ts';

/** A pattern in the form in which it is cheapest to compare. Literals are folded as the text will be. */
export type TextMatcher =
  | { readonly form: 'anything' }
  | { readonly form: 'equals' | 'startswith' | 'endswith' | 'contains'; readonly literal: string }
  | { readonly form: 'glob'; readonly segments: readonly Segment[]; readonly head: boolean; readonly tail: boolean };

/** What stands between two `*`: one literal, or literals and `?`. */
export type Segment =
  | { readonly kind: 'plain'; readonly literal: string }
  | { readonly kind: 'mixed'; readonly pieces: readonly PatternPart[] };

export function compileText(parts: readonly PatternPart[]): TextMatcher {
  const [first, second, third] = parts;
  if (first === undefined) return { form: 'equals', literal: '' };
  if (parts.length === 1 && first === 'any') return { form: 'anything' };
  if (parts.length === 1 && typeof first === 'object') return { form: 'equals', literal: first.literal };
  if (parts.length === 2 && typeof first === 'object' && second === 'any') {
    return { form: 'startswith', literal: first.literal };
  }
  if (parts.length === 2 && first === 'any' && typeof second === 'object') {
    return { form: 'endswith', literal: second.literal };
  }
  if (parts.length === 3 && first === 'any' && typeof second === 'object' && third === 'any') {
    return { form: 'contains', literal: second.literal };
  }
  return compileGlob(parts);
}

function compileGlob(parts: readonly PatternPart[]): TextMatcher {
  const segments: Segment[] = [];
  let current: PatternPart[] = [];
  for (const part of parts) {
    if (part === 'any') {
      if (current.length > 0) segments.push(toSegment(current));
      current = [];
    } else {
      current.push(part);
    }
  }
  if (current.length > 0) segments.push(toSegment(current));
  return { form: 'glob', segments, head: parts[0] !== 'any', tail: parts.at(-1) !== 'any' };
}

function toSegment(parts: readonly PatternPart[]): Segment {
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return { kind: 'plain', literal: only.literal };
  return { kind: 'mixed', pieces: parts };
}

/** Whether the whole of `text` fits. Time grows with the length of the text times that of the longest segment. */
export function matchText(matcher: TextMatcher, text: string): boolean {
  switch (matcher.form) {
    case 'anything':
      return true;
    case 'equals':
      return text === matcher.literal;
    case 'startswith':
      return text.startsWith(matcher.literal);
    case 'endswith':
      return text.endsWith(matcher.literal);
    case 'contains':
      return text.includes(matcher.literal);
    case 'glob':
      return matchGlob(matcher, text);
  }
}

/** Leftmost placing of each segment in turn is enough: a `*` can always swallow more, never less. */
function matchGlob(glob: Extract<TextMatcher, { form: 'glob' }>, text: string): boolean {
  const { segments, head, tail } = glob;
  const last = segments.length - 1;
  let position = 0;
  for (let i = 0; i <= last; i += 1) {
    const segment = segments[i] as Segment;
    const ends = i === last && tail;
    if (i === 0 && head) {
      position = matchSegmentAt(segment, text, 0);
      if (position < 0) return false;
      if (ends) return position === text.length;
    } else if (ends) {
      return segmentEndsText(segment, text, position);
    } else {
      position = findSegment(segment, text, position);
      if (position < 0) return false;
    }
  }
  return true;
}

/** End of the segment when it stands at `position`, else -1. `?` takes a whole surrogate pair. */
function matchSegmentAt(segment: Segment, text: string, position: number): number {
  if (segment.kind === 'plain') {
    return text.startsWith(segment.literal, position) ? position + segment.literal.length : -1;
  }
  let at = position;
  for (const piece of segment.pieces) {
    if (typeof piece === 'object') {
      if (!text.startsWith(piece.literal, at)) return -1;
      at += piece.literal.length;
    } else {
      const character = text.codePointAt(at);
      if (character === undefined) return -1;
      at += character > 0xffff ? 2 : 1;
    }
  }
  return at;
}

/** End of the segment's first occurrence at or after `from`, else -1. */
function findSegment(segment: Segment, text: string, from: number): number {
  if (segment.kind === 'plain') {
    const at = text.indexOf(segment.literal, from);
    return at < 0 ? -1 : at + segment.literal.length;
  }
  for (let at = from; at <= text.length; at += 1) {
    const end = matchSegmentAt(segment, text, at);
    if (end >= 0) return end;
  }
  return -1;
}

function segmentEndsText(segment: Segment, text: string, from: number): boolean {
  if (segment.kind === 'plain') {
    return text.length - segment.literal.length >= from && text.endsWith(segment.literal);
  }
  // A `?` takes one or two code units, so the segment's start is not known from its end.
  let shortest = 0;
  let wildcards = 0;
  for (const piece of segment.pieces) {
    if (typeof piece === 'object') shortest += piece.literal.length;
    else wildcards += 1;
  }
  shortest += wildcards;
  const latest = text.length - shortest;
  for (let at = Math.max(from, latest - wildcards); at <= latest; at += 1) {
    if (matchSegmentAt(segment, text, at) === text.length) return true;
  }
  return false;
}
