/** The input ends or lies where the format says otherwise. Caught where a record or chunk is read. */
export class DamagedInput extends Error {}

/** Reads little-endian values of a byte range; past its end it throws `DamagedInput`. */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
  }

  at(position: number): ByteCursor {
    return new ByteCursor(this.#bytes, position);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** UTF-16 of `units` code units. */
  utf16(units: number): string {
    return decodeUtf16(this.bytes(units * 2));
  }

  #advance(length: number): number {
    const start = this.position;
    if (length < 0 || start < 0 || start + length > this.#bytes.byteLength) {
      throw new DamagedInput(`${length} bytes expected at ${start}`);
    }
    this.position = start + length;
    return start;
  }
}

/** Lone surrogates stay as they are: a log may hold file names that are no valid UTF-16. */
export function decodeUtf16(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    text += String.fromCharCode((bytes[i] as number) | ((bytes[i + 1] as number) << 8));
  }
  return text;
}
