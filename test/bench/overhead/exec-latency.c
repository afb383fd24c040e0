/*
 * Starts /bin/true COUNT times, at most RATE a second, and waits for each. Prints the median, the 99th percentile
 * and the longest time from start to end in microseconds, and the failures.
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

static int ascending(const void *a, const void *b) {
  long long x = *(const long long *)a, y = *(const long long *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  long count = atol(argv[1]), rate = atol(argv[2]), failures = 0;
  if (count < 1 || rate < 1) return 2;
  long long *took = malloc(count * sizeof *took);
  if (!took) return 3;
  char *arguments[] = {"/bin/true", NULL}, *environment[] = {NULL};
  long long begin = now();
  for (long i = 0; i < count; i++) {
    long long early = begin + i * (1000000000LL / rate) - now();
    struct timespec wait = {early / 1000000000LL, early % 1000000000LL};
    if (early > 0) nanosleep(&wait, NULL);
    pid_t child;
    int status = 0;
    long long started = now();
    if (posix_spawn(&child, arguments[0], NULL, NULL, arguments, environment) != 0) failures++;
    else if (waitpid(child, &status, 0) != child || status != 0) failures++;
    took[i] = now() - started;
  }
  qsort(took, count, sizeof *took, ascending);
  printf("%.1f %.1f %.1f %ld\n", took[count / 2] / 1e3, took[count * 99 / 100] / 1e3, took[count - 1] / 1e3, failures);
  return failures > 0;
}
