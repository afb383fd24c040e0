import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Each compiles in some milliseconds: four short processes, and little else. The worst case for an agent. */
export function writeSmallSources(folder: string, count: number): void {
  for (let i = 0; i < count; i += 1) {
    writeFileSync(
      join(folder, `f${i}.c`),
      `#include <stdio.h>\n#include <stdlib.h>\nint f${i}(int n){int s=0;for(int i=0;i<n;i++)s+=i*${i};return printf("%d",s);}\n`,
    );
  }
}

const FUNCTIONS = 150;

/** About 2,500 lines each, as in the sources of common programs: most of a second of the compiler's time. */
export function writeRealisticSources(folder: string, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const functions = Array.from({ length: FUNCTIONS }, (_, at) => parser(i, at));
    const headers = ['ctype.h', 'errno.h', 'math.h', 'stdint.h', 'stdio.h', 'stdlib.h', 'string.h', 'time.h'];
    writeFileSync(join(folder, `m${i}.c`), [...headers.map((name) => `#include <${name}>`), ...functions].join('\n'));
  }
}

function parser(file: number, at: number): string {
  return `
static int state_${file}_${at};
int parse_${file}_${at}(const char *text, size_t length, double *values, size_t capacity) {
  size_t used = 0, from = 0;
  for (size_t i = 0; i <= length; i++) {
    char c = i < length ? text[i] : '\\n';
    switch (c) {
      case ' ': case '\\t': case '\\n':
        if (i > from && used < capacity) values[used++] = strtod(text + from, NULL) * ${at + 1};
        from = i + 1;
        break;
      case '#': state_${file}_${at} += (int)(i % ${at + 3}); break;
      default: if (!isdigit((unsigned char)c) && c != '.') return -1;
    }
  }
  return (int)used + state_${file}_${at};
}`;
}
