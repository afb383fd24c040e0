import { readBinaryXml, type XmlContent, type XmlElement } from './binary-xml.ts';
import { ByteCursor, DamagedInput } from './byte-cursor.ts';
import type { EventValue } from './event-value.ts';

/** One record of a log, in the shape that `normaliseWindowsEvent` takes. */
export type EvtxRecord =
  | { readonly ok: true; readonly recordId: number; readonly record: unknown }
  /** What could not be read; `offset` is in bytes from the start of the file. */
  | { readonly ok: false; readonly code: EvtxDamage; readonly offset: number };

export const EVTX_DAMAGES = ['not_an_event_log', 'damaged_chunk', 'damaged_record'] as const;
export type EvtxDamage = (typeof EVTX_DAMAGES)[number];

const HEADER = 4_096;
const CHUNK = 65_536;
const CHUNK_HEADER = 512;
const RECORD_HEADER = 24;

/**
 * Reads a Windows event log (`.evtx`). Chunks stand by themselves, so that a damaged one costs no other; logs
 * that were not closed (dirty) are read like closed ones. Never throws.
 */
export function* readEvtx(file: Uint8Array): Generator<EvtxRecord, void, undefined> {
  if (!startsWith(file, 0, 'ElfFile\0')) {
    yield { ok: false, code: 'not_an_event_log', offset: 0 };
    return;
  }
  for (let offset = HEADER; offset + CHUNK_HEADER <= file.length; offset += CHUNK) {
    const chunk = file.subarray(offset, offset + CHUNK);
    if (startsWith(chunk, 0, 'ElfChnk\0')) yield* readChunk(chunk, offset);
    else if (chunk.some((byte) => byte !== 0)) yield { ok: false, code: 'damaged_chunk', offset };
  }
}

function startsWith(bytes: Uint8Array, offset: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (bytes[offset + i] !== text.charCodeAt(i)) return false;
  return true;
}

function* readChunk(chunk: Uint8Array, offset: number): Generator<EvtxRecord, void, undefined> {
  const free = new ByteCursor(chunk, 48).u32();
  const end = Math.min(free >= CHUNK_HEADER ? free : chunk.length, chunk.length);
  let position = CHUNK_HEADER;
  while (position + RECORD_HEADER <= end) {
    const header = new ByteCursor(chunk, position);
    if (header.u32() !== 0x2a2a) {
      // The rest of the chunk was never written, or is lost.
      if (chunk.subarray(position, end).some((byte) => byte !== 0)) {
        yield { ok: false, code: 'damaged_record', offset: offset + position };
      }
      return;
    }
    const size = header.u32();
    const recordId = Number(header.u64());
    if (size < RECORD_HEADER + 4 || position + size > chunk.length) {
      yield { ok: false, code: 'damaged_record', offset: offset + position };
      return;
    }
    // Names and templates are addressed from the chunk's start; nothing beyond this record is needed for its text.
    yield readRecord(
      new ByteCursor(chunk.subarray(0, position + size), position + RECORD_HEADER),
      recordId,
      offset + position,
    );
    position += size;
  }
}

function readRecord(cursor: ByteCursor, recordId: number, offset: number): EvtxRecord {
  try {
    const [event] = readBinaryXml(cursor);
    if (event === undefined) return { ok: false, code: 'damaged_record', offset };
    return { ok: true, recordId, record: { [event.name]: toRecord(event) } };
  } catch (error) {
    if (error instanceof DamagedInput) return { ok: false, code: 'damaged_record', offset };
    throw error;
  }
}

/** Elements become keys; `Data` with a name becomes that name; attributes stand under `#attributes`. */
function toRecord(element: XmlElement): unknown {
  const elements = element.content.filter((content): content is XmlElement => 'name' in content);
  // An attribute whose optional value is null is not there.
  const attributes = [...element.attributes].flatMap(([name, content]) =>
    content.length === 0 ? [] : [[name, textOf(content)] as const],
  );
  if (elements.length === 0 && attributes.length === 0) return valueOf(element.content);
  const entries = new Map<string, unknown>();
  if (attributes.length > 0) entries.set('#attributes', Object.fromEntries(attributes));
  if (elements.length === 0) {
    const value = valueOf(element.content);
    if (value !== null) entries.set('#text', value);
  }
  const unnamed: unknown[] = [];
  for (const child of elements) {
    const name = child.attributes.get('Name');
    if (child.name !== 'Data') entries.set(child.name, toRecord(child));
    else if (name === undefined) unnamed.push(valueOf(child.content));
    else entries.set(textOf(name), valueOf(child.content) ?? '');
  }
  if (unnamed.length > 0) entries.set('Data', { '#text': unnamed.length === 1 ? unnamed[0] : unnamed });
  return Object.fromEntries(entries);
}

function valueOf(content: readonly XmlContent[]): EventValue | null {
  const values = content.flatMap((each) => ('value' in each ? [each.value] : []));
  if (values.length === 0) return null;
  return values.length === 1 ? (values[0] ?? null) : values.map(String).join('');
}

function textOf(content: readonly XmlContent[]): string {
  const value = valueOf(content);
  return value === null ? '' : String(value);
}
