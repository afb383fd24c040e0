/**
 * The WHATWG Encoding API and base64, which every runtime that this package meets provides. Declared here
 * because the package is compiled without the types of any runtime.
 */
interface EncodingGlobals {
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
  readonly TextDecoder: new (label: string, options: { fatal: boolean }) => { decode(bytes: Uint8Array): string };
  btoa(binary: string): string;
  atob(base64: string): string;
}
const globals = globalThis as unknown as EncodingGlobals;

export function encodeUtf8(text: string): Uint8Array {
  return new globals.TextEncoder().encode(text);
}

/** Throws on invalid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new globals.TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

export function encodeBase64Url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return globals.btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Throws when the text is not base64url. */
export function decodeBase64Url(text: string): Uint8Array {
  const binary = globals.atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
