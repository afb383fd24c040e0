/*
 * Starts PROGRAM with the argument MARK-i, for i below COUNT, one after another, and waits for each: as fast as
 * it goes, or at most RATE a second. Prints: elapsed nanoseconds, the longest single start-to-end in nanoseconds,
 * failures, and how many took longer than 200 ms.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 4 && argc != 5) return 2;
  char mark[256];
  char *environment[] = {NULL};
  long count = atol(argv[3]), failures = 0, slow = 0, rate = argc == 5 ? atol(argv[4]) : 0;
  long long longest = 0, begin = now();
  for (long i = 0; i < count; i++) {
    snprintf(mark, sizeof mark, "%s-%ld", argv[2], i);
    char *arguments[] = {argv[1], mark, NULL};
    pid_t child;
    int status;
    if (rate > 0) {
      long long due = begin + i * (1000000000LL / rate), early = due - now();
      struct timespec wait = {early / 1000000000LL, early % 1000000000LL};
      if (early > 0) nanosleep(&wait, NULL);
    }
    long long started = now();
    if (posix_spawn(&child, argv[1], NULL, NULL, arguments, environment) != 0) failures++;
    else if (waitpid(child, &status, 0) != child || status != 0) failures++;
    long long took = now() - started;
    if (took > longest) longest = took;
    if (took > 200000000LL) slow++;
  }
  printf("%lld %lld %ld %ld\n", now() - begin, longest, failures, slow);
  return 0;
}
