const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'] as const;

/**
 * The origins whose pages may act: exactly the public one. On a machine's own loopback address the names of
 * that address are one and the same console.
 */
export function allowedOrigins(publicUrl: string): ReadonlySet<string> {
  const url = new URL(publicUrl);
  if (!LOOPBACK_NAMES.some((name) => name === url.hostname)) return new Set([url.origin]);
  const port = url.port === '' ? '' : `:${url.port}`;
  return new Set(LOOPBACK_NAMES.map((name) => `${url.protocol}//${name}${port}`));
}
