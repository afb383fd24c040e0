/** What a file is by its first bytes, whatever its name says. */
export const FILE_TYPES = [
  'elf',
  'pe',
  'mach-o',
  'script',
  'java-class',
  'zip',
  'gzip',
  'xz',
  'bzip2',
  'zstd',
  '7z',
  'rar',
  'pdf',
  'ole',
  'rtf',
  'deb',
  'rpm',
  'sqlite',
] as const;
export type FileType = (typeof FILE_TYPES)[number];

/** Bytes that `fileTypeOf` wants to see of the beginning. */
export const TYPE_BYTES = 64;

/** The first bytes of each format, as file(1)'s own tables have them; PE and Mach-O need a second look. */
const BEGINNINGS: readonly (readonly [type: FileType, bytes: string])[] = [
  ['elf', '7f454c46'],
  ['script', '2321'],
  ['mach-o', 'cffaedfe'],
  ['mach-o', 'cefaedfe'],
  ['zip', '504b0304'],
  ['zip', '504b0506'],
  ['gzip', '1f8b'],
  ['xz', 'fd377a585a00'],
  ['bzip2', '425a68'],
  ['zstd', '28b52ffd'],
  ['7z', '377abcaf271c'],
  ['rar', '526172211a07'],
  ['pdf', '255044462d'],
  ['ole', 'd0cf11e0a1b11ae1'],
  ['rtf', '7b5c727466'],
  ['deb', '213c617263683e0a64656269616e2d'],
  ['rpm', 'edabeedb'],
  ['sqlite', '53514c69746520666f726d6174203300'],
];

/** A universal Mach-O binary names fewer architectures than a Java class file's version says. */
const JAVA_OLDEST = 45;

/** Undefined for text, and for everything else that does not say what it is. */
export function fileTypeOf(beginning: Buffer): FileType | undefined {
  const known = BEGINNINGS.find(([, bytes]) =>
    beginning.subarray(0, bytes.length / 2).equals(Buffer.from(bytes, 'hex')),
  );
  if (known) return known[0];
  if (beginning.length >= 8 && beginning.readUInt32BE(0) === 0xcafebabe) {
    return beginning.readUInt32BE(4) < JAVA_OLDEST ? 'mach-o' : 'java-class';
  }
  // MZ, and at 60 where the rest of the header lies: a DOS program of the same letters has nothing to run here.
  if (
    beginning.length >= TYPE_BYTES &&
    beginning.toString('latin1', 0, 2) === 'MZ' &&
    beginning.readUInt32LE(60) >= 4
  ) {
    return 'pe';
  }
  return undefined;
}
