/* Makes system calls by number: syscall-program NUMBER A0 A1 A2 [NUMBER A0 A1 A2 ...]. What they answer is of no
   interest: audit records them either way. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **words) {
  for (int at = 1; at + 3 < count; at += 4)
    syscall(strtol(words[at], 0, 0), strtol(words[at + 1], 0, 0), strtol(words[at + 2], 0, 0),
            strtol(words[at + 3], 0, 0), 0, 0, 0);
  return 0;
}
