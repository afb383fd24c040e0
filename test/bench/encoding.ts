import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { Batch, type Event, Item, isTelemetryItem } from '@yagura/protocol';
import { seededRandom } from '../fakes/time.ts';
import { printResult } from './machine.ts';

/**
 * Bytes and CPU per event for the ways in which a batch could travel and be checked (DESIGN section 4,
 * codec.ts). Events are made as the Linux sensors make them: repeated images, parents and users, command
 * lines, hashes and addresses that differ. Prints one JSON object, last line.
 *
 * CPU is the wall time of one thread, the fastest of `ROUNDS`: what the work costs on a core of its own.
 */
const ROUNDS = 41;
const SIZES = [100, 500] as const;

const random = seededRandom(20_260_401);
const pick = <Entry>(list: readonly Entry[]): Entry => {
  const entry = list[Math.floor(random.fraction() * list.length)];
  if (entry === undefined) throw new Error('an empty list has no entry');
  return entry;
};
const hex = (bytes: number): string => Buffer.from(random.bytes(bytes)).toString('hex');
const number = (bound: number): number => Math.floor(random.fraction() * bound);

const IMAGES = [
  '/usr/bin/bash',
  '/usr/bin/node',
  '/usr/bin/git',
  '/usr/bin/python3.11',
  '/usr/sbin/cron',
  '/usr/bin/grep',
];
const ARGUMENTS = ['-c', '--config', '/etc/app/app.conf', 'run', '--verbose', '-rn', 'TODO', '/srv/www/html/index.php'];
const USERS = ['root', 'www-data', 'tanaka', 'suzuki'];

function makeEvent(index: number): Event {
  const time = 1_775_001_600_000 + index * 7;
  const common = { eventId: hex(8), time, bootTime: 90_000 + index * 7, entityId: hex(8), parentEntityId: hex(8) };
  const kind = random.fraction();
  if (kind < 0.55) {
    const image = pick(IMAGES);
    return {
      ...common,
      logsource: { product: 'linux', category: 'process_creation' },
      fields: {
        Image: image,
        CommandLine: [image, pick(ARGUMENTS), pick(ARGUMENTS), hex(6)].join(' '),
        CurrentDirectory: `/home/${pick(USERS)}/work`,
        ParentImage: pick(IMAGES),
        ParentCommandLine: `${pick(IMAGES)} ${pick(ARGUMENTS)}`,
        User: pick(USERS),
        ProcessId: number(4_000_000),
        ParentProcessId: number(4_000_000),
        Hashes: `SHA256=${hex(32)}`,
        LogonId: number(1_000),
      },
    };
  }
  if (kind < 0.85) {
    return {
      ...common,
      logsource: { product: 'linux', category: 'file_event' },
      fields: {
        Image: pick(IMAGES),
        TargetFilename: `/var/lib/app/cache/${hex(2)}/${hex(12)}.json`,
        User: pick(USERS),
        ProcessId: number(4_000_000),
      },
    };
  }
  return {
    ...common,
    logsource: { product: 'linux', category: 'network_connection' },
    fields: {
      Image: pick(IMAGES),
      DestinationIp: `10.${number(256)}.${number(256)}.${number(256)}`,
      DestinationPort: pick([22, 53, 80, 443, 5_432, 8_443]),
      Protocol: 'tcp',
      Initiated: true,
      User: pick(USERS),
      ProcessId: number(4_000_000),
    },
  };
}

function makeBatch(size: number): Batch {
  const items = Array.from({ length: size }, (_, index) => ({
    sequence: index + 1,
    spooledAt: 1_775_001_600_000 + index * 7,
    body: { type: 'event' as const, event: makeEvent(index) },
  }));
  return { batchId: 1, epoch: 'e-0123456789abcdef01234567', sentAt: 1_775_001_700_000, items };
}

/** Microseconds of one call, warmed up. */
function microseconds(work: () => unknown): number {
  const times = Array.from({ length: ROUNDS + 10 }, () => {
    const start = process.hrtime.bigint();
    work();
    return Number(process.hrtime.bigint() - start) / 1_000;
  });
  return Math.min(...times.slice(10));
}

interface Codec {
  readonly name: string;
  compress(bytes: Buffer): Buffer;
  decompress(bytes: Buffer): Buffer;
}
const zstd = (level: number): Codec => ({
  name: `json+zstd${level}`,
  compress: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } }),
  decompress: (bytes) => zstdDecompressSync(bytes),
});
const gzip = (level: number): Codec => ({
  name: `json+gzip${level}`,
  compress: (bytes) => gzipSync(bytes, { level }),
  decompress: (bytes) => gunzipSync(bytes),
});
const CODECS: readonly Codec[] = [
  { name: 'json', compress: (bytes) => bytes, decompress: (bytes) => bytes },
  gzip(1),
  gzip(6),
  zstd(1),
  zstd(3),
  {
    name: 'json+brotli4',
    compress: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
    decompress: (bytes) => brotliDecompressSync(bytes),
  },
];

const round = (value: number): number => Math.round(value * 1_000) / 1_000;

function measureCodec(codec: Codec, batch: Batch): object {
  const events = batch.items.length;
  const json = Buffer.from(JSON.stringify(batch));
  const packed = codec.compress(json);
  if (!codec.decompress(packed).equals(json)) throw new Error(`${codec.name} does not give back what went in`);
  return {
    codec: codec.name,
    events,
    bytesPerEvent: round(packed.length / events),
    encodeMicrosPerEvent: round(microseconds(() => codec.compress(Buffer.from(JSON.stringify(batch)))) / events),
    decodeMicrosPerEvent: round(microseconds(() => JSON.parse(codec.decompress(packed).toString())) / events),
  };
}

/** The whole batch by schema, and its items by the check that stands beside the schema for telemetry. */
function measureValidation(batch: Batch): object {
  const events = batch.items.length;
  const value = JSON.parse(JSON.stringify(batch)) as { items: unknown[] };
  if (!Batch.safeParse(value).success || !value.items.every(isTelemetryItem)) throw new Error('the batch is not valid');
  return {
    events,
    zodMicrosPerEvent: round(microseconds(() => Batch.safeParse(value)) / events),
    zodItemsMicrosPerEvent: round(
      microseconds(() => value.items.every((item) => Item.safeParse(item).success)) / events,
    ),
    telemetryCheckMicrosPerEvent: round(microseconds(() => value.items.every(isTelemetryItem)) / events),
  };
}

const batches = SIZES.map(makeBatch);
const encodings = batches.flatMap((batch) => CODECS.map((codec) => measureCodec(codec, batch)));
const validation = batches.map(measureValidation);
printResult({ benchmark: 'encoding', command: 'npm run bench -- encoding', encodings, validation });
