/*
 * Floods the machine in one way, as an unprivileged user, for a time and at a rate, and never beyond it.
 *
 * flood-program KIND UID SECONDS RATE DIRECTORY MARK
 *   forks        children that end at once
 *   starts       children that become /bin/true with the argument MARK
 *   files        files created, written and removed in DIRECTORY; each is three acts
 *   connections  TCP connections to ever new addresses of loopback, in a network namespace of its own
 *
 * RATE is in acts a second over both of its processes, 0 for as fast as it goes. Prints the acts and the seconds.
 * At most 256 processes of the user live at a time; a timer ends everything even if the parent is gone.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 2, IN_FLIGHT = 64, PORT = 40123 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static const char *directory, *mark;
static int worker, running;
static long serial;

/* Each returns how many acts it did. */
static int child(int becomes_program) {
  while (running >= IN_FLIGHT && waitpid(-1, NULL, 0) > 0) running--;
  while (running > 0 && waitpid(-1, NULL, WNOHANG) > 0) running--;
  pid_t pid;
  if (becomes_program) {
    char *arguments[] = {"true", (char *)mark, NULL}, *environment[] = {NULL};
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment) != 0) return 0;
  } else {
    pid = fork();
    if (pid == 0) _exit(0);
    if (pid < 0) return 0;
  }
  running++;
  return 1;
}

static int file(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s-%d-%ld", directory, mark, worker, serial++);
  int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return 0;
  if (write(fd, "x", 1) != 1) exit(4);
  close(fd);
  unlink(path);
  return 3;
}

static int connection(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  struct linger at_once = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  serial++;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  to.sin_addr.s_addr = htonl(0x7f000000u | ((unsigned)(worker + 1) << 20) | (serial & 0xfffffu));
  int result = connect(fd, (struct sockaddr *)&to, sizeof to);
  int done = result == 0 || errno == EINPROGRESS;
  close(fd);
  return done;
}

static void raise_loopback(void) {
  struct ifreq request = {.ifr_flags = IFF_UP};
  strcpy(request.ifr_name, "lo");
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (unshare(CLONE_NEWNET) != 0) exit(5);
  close(fd);
  fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) exit(5);
  close(fd);
}

/* Its queue fills and stays full: the kernel then drops what would be established, and connect goes on. */
static void listen_on_port(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0) exit(5);
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  const char *kind = argv[1];
  uid_t uid = (uid_t)atol(argv[2]);
  double seconds = atof(argv[3]), rate = atof(argv[4]) / WORKERS;
  directory = argv[5];
  mark = argv[6];
  if (uid == 0 || seconds > 120) return 2;
  int is_network = strcmp(kind, "connections") == 0;
  if (getuid() != uid) {
    struct rlimit processes = {256, 256}, none = {0, 0};
    if (is_network) raise_loopback();
    setrlimit(RLIMIT_NPROC, &processes);
    setrlimit(RLIMIT_CORE, &none);
    if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) return 3;
    /* As a user's program is: started by him, not by root. */
    execv("/proc/self/exe", argv);
    return 3;
  }
  if (is_network) listen_on_port();
  atomic_long *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  double begin = now();
  for (worker = 0; worker < WORKERS; worker++) {
    pid_t pid = fork();
    if (pid < 0) return 3;
    if (pid > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm((unsigned)seconds + 5);
    long made = 0;
    for (double t = begin; t - begin < seconds; t = now()) {
      if (rate > 0 && made > (t - begin) * rate) {
        usleep(500);
        continue;
      }
      for (int burst = 0; burst < 8; burst++) {
        if (is_network) made += connection();
        else if (strcmp(kind, "files") == 0) made += file();
        else made += child(strcmp(kind, "starts") == 0);
      }
      atomic_store(&counts[worker], made);
    }
    while (waitpid(-1, NULL, 0) > 0);
    _exit(0);
  }
  int failed = 0, status;
  while (waitpid(-1, &status, 0) > 0) failed |= status;
  long total = 0;
  for (int at = 0; at < WORKERS; at++) total += atomic_load(&counts[at]);
  printf("%ld %.3f\n", total, now() - begin);
  return failed != 0;
}
