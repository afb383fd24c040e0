/** os-release(5): `NAME="value"`, one a line. */
export function osRelease(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(["']?)(.*)\2$/.exec(line);
    if (match?.[1] !== undefined && match[3]) values[match[1]] = match[3];
  }
  return values;
}
