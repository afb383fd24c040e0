/** The first `limit` UTF-16 code units, never ending within a surrogate pair. */
export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? limit - 1 : limit);
}

/** Bytes of the text as a JSON string in UTF-8, quotes included. */
export function jsonStringBytes(text: string): number {
  let bytes = 2;
  for (let i = 0; i < text.length; i += 1) bytes += unitBytes(text.charCodeAt(i));
  return bytes;
}

/** The longest beginning of the text whose JSON form takes at most `budget` bytes. */
export function shortenToJsonBytes(text: string, budget: number): string {
  let bytes = 2;
  for (let i = 0; i < text.length; i += 1) {
    bytes += unitBytes(text.charCodeAt(i));
    if (bytes > budget) return shorten(text, i);
  }
  return text;
}

/** Bytes of the value as JSON in UTF-8. For plain data only. */
export function jsonBytes(value: unknown): number {
  const json = JSON.stringify(value);
  let bytes = json.length;
  for (let i = 0; i < json.length; i += 1) {
    const unit = json.charCodeAt(i);
    // Each half of a pair takes two of the pair's four bytes.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

/** An upper bound: a half of a surrogate pair counts as if it were alone and escaped. */
function unitBytes(unit: number): number {
  if (unit === 0x22 || unit === 0x5c) return 2;
  if (unit < 0x20) return 6;
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  return unit >= 0xd800 && unit <= 0xdfff ? 6 : 3;
}
