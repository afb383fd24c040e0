const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** A string whose characters are the bytes of `text` in UTF-8. Lone surrogates become U+FFFD, as everywhere. */
export function utf8Bytes(text: string): string {
  let bytes = '';
  for (const character of text.toWellFormed()) {
    const point = character.codePointAt(0) as number;
    if (point < 0x80) bytes += character;
    else if (point < 0x800) bytes += byteString(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000) {
      bytes += byteString(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    } else {
      bytes += byteString(
        0xf0 | (point >> 18),
        0x80 | ((point >> 12) & 63),
        0x80 | ((point >> 6) & 63),
        0x80 | (point & 63),
      );
    }
  }
  return bytes;
}

/** A string whose characters are the bytes of `text` in UTF-16 of the given byte order, without a mark. */
export function utf16Bytes(text: string, order: 'little' | 'big'): string {
  let bytes = '';
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    bytes += order === 'little' ? byteString(unit & 0xff, unit >> 8) : byteString(unit >> 8, unit & 0xff);
  }
  return bytes;
}

/** Byte order mark of UTF-16, little endian, as a string of bytes. */
export const UTF16_MARK = '\u00ff\u00fe';

/** Base64 with padding of a string of bytes. */
export function base64(bytes: string): string {
  let encoded = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group =
      (bytes.charCodeAt(i) << 16) |
      ((left > 1 ? bytes.charCodeAt(i + 1) : 0) << 8) |
      (left > 2 ? bytes.charCodeAt(i + 2) : 0);
    encoded += ALPHABET[(group >> 18) & 63];
    encoded += ALPHABET[(group >> 12) & 63];
    encoded += left > 1 ? ALPHABET[(group >> 6) & 63] : '=';
    encoded += left > 2 ? ALPHABET[group & 63] : '=';
  }
  return encoded;
}

/**
 * The three texts under which `bytes` can appear within a longer Base64 text, one for each shift by 0, 1 or 2
 * bytes. What depends on the neighbouring bytes is cut off at both ends.
 */
export function base64Offsets(bytes: string): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = base64(' '.repeat(shift) + bytes);
    const start = [0, 2, 3][shift] as number;
    const cut = [0, 3, 2][(bytes.length + shift) % 3] as number;
    return encoded.slice(start, encoded.length - cut);
  });
}

function byteString(...bytes: readonly number[]): string {
  return String.fromCharCode(...bytes);
}
