import { appendFileSync, mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Load, paced } from './load.ts';

const CONTENT = Buffer.alloc(2_048, 'soak ');
const FOLDERS = 20;
const LOG_FOLDER = '/var/log/nginx';

/** Each file is created and written, renamed and deleted. */
export function fileLoad(folder: string, perSecond: number): Load {
  const place = join(folder, 'files');
  mkdirSync(place);
  return {
    async run({ mark, seconds }) {
      const files = await paced(perSecond, seconds, (index) => {
        const first = join(place, `${mark}-${index}`);
        const second = join(place, `${mark}-${index}.renamed`);
        writeFileSync(first, CONTENT);
        renameSync(first, second);
        unlinkSync(second);
      });
      return { filesWritten: files, filesRenamed: files, filesDeleted: files };
    },
  };
}

/** Folders with something in them that change their names over and over, as fast as they can, once in a window. */
export function renameStorm(folder: string, renames: number): Load {
  const place = join(folder, 'storm');
  mkdirSync(place);
  for (let index = 0; index < FOLDERS; index += 1) {
    mkdirSync(join(place, `d${index}-0`));
    writeFileSync(join(place, `d${index}-0`, 'content'), CONTENT);
  }
  let round = 0;
  return {
    async run() {
      const rounds = Math.ceil(renames / FOLDERS);
      for (let count = 0; count < rounds; count += 1) {
        for (let index = 0; index < FOLDERS; index += 1) {
          renameSync(join(place, `d${index}-${round}`), join(place, `d${index}-${round + 1}`));
        }
        round += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return { directoryRenames: rounds * FOLDERS };
    },
  };
}

/** Lines of a web server's log in a file of our own among the logs, begun anew in each window. */
export class LogLoad implements Load, Disposable {
  readonly #file: string;
  readonly #perSecond: number;
  readonly #made: string | undefined;

  constructor(runId: string, perSecond: number) {
    this.#made = mkdirSync(LOG_FOLDER, { recursive: true });
    this.#file = join(LOG_FOLDER, `${runId}-access.log`);
    this.#perSecond = perSecond;
    writeFileSync(this.#file, '');
  }

  async run({ mark, seconds }: Parameters<Load['run']>[0]): Promise<Readonly<Record<string, number>>> {
    const logLines = await paced(this.#perSecond, seconds, (index) => {
      appendFileSync(
        this.#file,
        `127.0.0.1 - - [${logTime(new Date())}] "GET /${mark}-${index} HTTP/1.1" 200 612 "-" "soak"\n`,
      );
    });
    return { logLines };
  }

  [Symbol.dispose](): void {
    rmSync(this.#file, { force: true });
    if (this.#made !== undefined) rmSync(this.#made, { recursive: true });
  }
}

/** `24/Nov/2026:20:33:01 +0000`, as nginx writes it. */
function logTime(date: Date): string {
  const [, , day, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(date.toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}
