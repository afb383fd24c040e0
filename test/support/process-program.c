/* What a process does to others and to its own standing: process-program WAY [ARGUMENT]. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char *program = "/bin/true";
static char *mark;

static void run(void) {
  char *argv[] = {"true", mark, 0};
  char *env[] = {0};
  execve(program, argv, env);
  _exit(9);
}

static void *thread(void *unused) {
  run();
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  const char *way = argv[1];
  mark = argc > 2 ? argv[2] : "";
  if (!strcmp(way, "thread")) {
    pthread_t t;
    pthread_create(&t, 0, thread, 0);
    pthread_join(t, 0);
    return 1;
  }
  if (!strcmp(way, "vfork")) {
    pid_t p = vfork();
    if (p == 0) run();
    waitpid(p, 0, 0);
    return 0;
  }
  if (!strcmp(way, "double-fork")) {
    pid_t p = fork();
    if (p == 0) {
      if (fork() == 0) {
        setsid();
        usleep(200000);
        run();
      }
      _exit(0);
    }
    waitpid(p, 0, 0);
    usleep(500000);
    return 0;
  }
  if (!strcmp(way, "memfd")) {
    int fd = memfd_create("payload", 0), in = open(program, O_RDONLY);
    char buffer[65536];
    for (long n; (n = read(in, buffer, sizeof buffer)) > 0;) write(fd, buffer, n);
    char *args[] = {"true", mark, 0}, *env[] = {0};
    fexecve(fd, args, env);
    return 1;
  }
  if (!strcmp(way, "deleted")) {
    int fd = open(argv[3], O_RDONLY);
    unlink(argv[3]);
    char *args[] = {"true", mark, 0}, *env[] = {0};
    fexecve(fd, args, env);
    return 1;
  }
  if (!strcmp(way, "kill")) return kill(atoi(mark), SIGKILL);
  if (!strcmp(way, "pidfd-kill")) {
    int fd = syscall(SYS_pidfd_open, atoi(mark), 0);
    return syscall(SYS_pidfd_send_signal, fd, SIGKILL, 0, 0);
  }
  if (!strcmp(way, "tgkill")) return syscall(SYS_tgkill, atoi(mark), atoi(mark), SIGKILL);
  if (!strcmp(way, "kill-child")) {
    pid_t p = fork();
    if (p == 0) for (;;) pause();
    usleep(100000);
    kill(p, SIGKILL);
    waitpid(p, 0, 0);
    return 0;
  }
  if (!strcmp(way, "seize")) {
    int r = ptrace(PTRACE_SEIZE, atoi(mark), 0, 0);
    return r ? 1 : 0;
  }
  if (!strcmp(way, "write-memory")) {
    char here = 'x';
    struct iovec local = {&here, 1}, remote = {(void *)8, 1};
    process_vm_writev(atoi(mark), &local, 1, &remote, 1, 0);
    return 0;
  }
  if (!strcmp(way, "unshare")) return unshare(CLONE_NEWNS | CLONE_NEWUTS);
  if (!strcmp(way, "clone")) {
    pid_t p = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (p == 0) _exit(0);
    waitpid(p, 0, 0);
    return p < 0;
  }
  if (!strcmp(way, "setns")) return setns(open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWUTS);
  if (!strcmp(way, "mount")) {
    if (unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0)) return 1;
    if (mount("yagura-test", mark, "tmpfs", 0, "")) return 1;
    if (mount(mark, mark, 0, MS_BIND, 0)) return 1;
    return umount2(mark, MNT_DETACH);
  }
  if (!strcmp(way, "become-root")) return setuid(0);
  if (!strcmp(way, "raise-capabilities")) {
    /* Keeps its capabilities over the change of user and makes one of them effective again. */
    prctl(PR_SET_KEEPCAPS, 1);
    if (setuid(65534)) return 1;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    syscall(SYS_capget, &head, data);
    data[0].effective = 1 << CAP_NET_RAW;
    return syscall(SYS_capset, &head, data) ? 1 : 0;
  }
  return 2;
}
