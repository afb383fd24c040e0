import { type ByteCursor, DamagedInput } from './byte-cursor.ts';
import { BINARY_XML_TYPE, type EventValue, readEventValue, readInlineText } from './event-value.ts';

/** An element of an event: attributes by name, elements and values in order. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Map<string, XmlContent[]>;
  readonly content: XmlContent[];
}
export type XmlContent = XmlElement | { readonly value: EventValue };

/**
 * Bounds of one record, because templates within templates multiply: work (one for each token and each 16 bytes of
 * a value that is filled in) and nesting.
 */
const WORK = 200_000;
const DEPTH = 64;
const LONGEST_NAME = 1_024;

interface Substitution {
  readonly type: number;
  readonly position: number;
  readonly size: number;
}

interface Reader {
  /** Over the whole chunk, because names and templates are addressed from its start. */
  readonly cursor: ByteCursor;
  readonly values: readonly Substitution[];
  /** Elements of a template carry a dependency identifier; others do not. */
  readonly templated: boolean;
  readonly budget: { work: number };
  readonly depth: number;
}

/**
 * Reads one fragment of binary XML ([MS-EVEN6] 2.2.12, and libevtx's description of how it lies in files) and
 * returns its root elements. Throws `DamagedInput`.
 */
export function readBinaryXml(cursor: ByteCursor): readonly XmlElement[] {
  const root: XmlContent[] = [];
  readContent({ cursor, values: [], templated: false, budget: { work: 0 }, depth: 0 }, root);
  return root.filter((content): content is XmlElement => 'name' in content);
}

/** Reads until the end of the fragment or of the element that is open. */
function readContent(reader: Reader, into: XmlContent[]): void {
  const { cursor } = reader;
  if (reader.depth > DEPTH) throw new DamagedInput('nested too deeply');
  for (;;) {
    spend(reader, 0);
    const token = cursor.u8();
    switch (token & 0x0f) {
      case 0x00:
      case 0x04:
        return;
      case 0x01:
        into.push(readElement(reader, (token & 0x40) !== 0));
        break;
      case 0x05:
        if (cursor.u8() !== 1) throw new DamagedInput('a value in the text is no string');
        into.push({ value: readInlineText(cursor) });
        break;
      case 0x07:
        into.push({ value: readInlineText(cursor) });
        break;
      case 0x08:
        into.push({ value: String.fromCharCode(cursor.u16()) });
        break;
      case 0x09:
        into.push({ value: entityText(readName(cursor)) });
        break;
      case 0x0a:
        readName(cursor);
        break;
      case 0x0b:
        readInlineText(cursor);
        break;
      case 0x0c:
        readTemplate(reader, into);
        break;
      case 0x0d:
      case 0x0e:
        readSubstitution(reader, into);
        break;
      case 0x0f:
        cursor.bytes(3);
        break;
      default:
        throw new DamagedInput(`unknown token ${token}`);
    }
  }
}

function spend({ budget }: Reader, bytes: number): void {
  budget.work += 1 + (bytes >> 4);
  if (budget.work > WORK) throw new DamagedInput('the record expands beyond its bound');
}

function readElement(reader: Reader, hasAttributes: boolean): XmlElement {
  const { cursor } = reader;
  if (reader.templated) cursor.u16();
  cursor.u32();
  const element: XmlElement = { name: readName(cursor), attributes: new Map(), content: [] };
  if (hasAttributes) cursor.u32();
  for (;;) {
    spend(reader, 0);
    const token = cursor.u8();
    switch (token & 0x0f) {
      case 0x02:
        readContent({ ...reader, depth: reader.depth + 1 }, element.content);
        return element;
      case 0x03:
        return element;
      case 0x06:
        readAttribute(reader, element);
        break;
      default:
        throw new DamagedInput(`unexpected token ${token} in a start tag`);
    }
  }
}

function readAttribute(reader: Reader, element: XmlElement): void {
  const { cursor } = reader;
  const content: XmlContent[] = [];
  element.attributes.set(readName(cursor), content);
  for (;;) {
    const start = cursor.position;
    const token = cursor.u8();
    switch (token & 0x0f) {
      case 0x05:
        if (cursor.u8() !== 1) throw new DamagedInput('a value in the text is no string');
        content.push({ value: readInlineText(cursor) });
        break;
      case 0x08:
        content.push({ value: String.fromCharCode(cursor.u16()) });
        break;
      case 0x09:
        content.push({ value: entityText(readName(cursor)) });
        break;
      case 0x0d:
      case 0x0e:
        readSubstitution(reader, content);
        break;
      default:
        cursor.position = start;
        return;
    }
  }
}

/** A name lies where it is first used; elsewhere its offset points there. */
function readName(cursor: ByteCursor): string {
  const offset = cursor.u32();
  const inline = offset === cursor.position;
  const name = inline ? cursor : cursor.at(offset);
  name.u32();
  name.u16();
  const length = name.u16();
  if (length > LONGEST_NAME) throw new DamagedInput('a name is too long');
  const text = name.utf16(length);
  name.u16();
  return text;
}

function entityText(name: string): string {
  return { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }[name] ?? '';
}

function readTemplate(reader: Reader, into: XmlContent[]): void {
  const { cursor } = reader;
  cursor.u8();
  cursor.u32();
  const offset = cursor.u32();
  const definition = cursor.at(offset);
  definition.bytes(20);
  const size = definition.u32();
  if (offset === cursor.position) cursor.position = definition.position + size;
  const count = cursor.u32();
  if (count > 0x2000) throw new DamagedInput('too many values');
  const descriptors = Array.from({ length: count }, () => {
    const described = { size: cursor.u16(), type: cursor.u8() };
    cursor.u8();
    return described;
  });
  const values = descriptors.map(({ size: bytes, type }): Substitution => {
    const position = cursor.position;
    cursor.bytes(bytes);
    return { type, position, size: bytes };
  });
  const { budget, depth } = reader;
  readContent({ cursor: definition, values, templated: true, budget, depth: depth + 1 }, into);
}

function readSubstitution(reader: Reader, into: XmlContent[]): void {
  const index = reader.cursor.u16();
  reader.cursor.u8();
  const substitution = reader.values[index];
  if (substitution === undefined || substitution.type === 0) return;
  spend(reader, substitution.size);
  const cursor = reader.cursor.at(substitution.position);
  if (substitution.type === BINARY_XML_TYPE) {
    if (substitution.size === 0) return;
    readContent({ cursor, values: [], templated: false, budget: reader.budget, depth: reader.depth + 1 }, into);
    return;
  }
  const value = readEventValue(cursor, substitution.type, substitution.size);
  if (value !== undefined) into.push({ value });
}
