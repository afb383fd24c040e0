/* Every way in which a program reaches or is reached over the network: network-program WAY IP PORT. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sockaddr_storage address;
static socklen_t length;

static int end(int ok) {
  /* Long enough for whoever looks at the socket. */
  usleep(300000);
  return ok ? 0 : 1;
}

static int ring(int op, int fd, const void *to, unsigned long more) {
  struct io_uring_params p;
  memset(&p, 0, sizeof p);
  int ring = syscall(SYS_io_uring_setup, 2, &p);
  if (ring < 0) return 77;
  char *sq = mmap(0, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  struct io_uring_sqe *sqe = mmap(0, p.sq_entries * sizeof *sqe, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
  memset(sqe, 0, sizeof *sqe);
  sqe->opcode = op;
  sqe->fd = fd;
  sqe->addr = (unsigned long)to;
  sqe->len = op == IORING_OP_SENDMSG ? 1 : 0;
  sqe->off = more;
  *(unsigned *)(sq + p.sq_off.array) = 0;
  __atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
  return syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) == 1 ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const char *way = argv[1];
  int port = atoi(argv[3]);
  if (strchr(argv[2], ':')) {
    struct sockaddr_in6 *a = (void *)&address;
    a->sin6_family = AF_INET6;
    a->sin6_port = htons(port);
    inet_pton(AF_INET6, argv[2], &a->sin6_addr);
    length = sizeof *a;
  } else {
    struct sockaddr_in *a = (void *)&address;
    a->sin_family = AF_INET;
    a->sin_port = htons(port);
    inet_pton(AF_INET, argv[2], &a->sin_addr);
    length = sizeof *a;
  }
  int family = address.ss_family;
  struct iovec iov = {"x", 1};
  struct msghdr message = {.msg_name = &address, .msg_namelen = length, .msg_iov = &iov, .msg_iovlen = 1};

  if (!strcmp(way, "connect")) {
    int fd = socket(family, SOCK_STREAM, 0);
    return end(connect(fd, (void *)&address, length) == 0 || errno == ECONNREFUSED);
  }
  if (!strcmp(way, "connect-datagram")) {
    int fd = socket(family, SOCK_DGRAM, 0);
    return end(connect(fd, (void *)&address, length) == 0);
  }
  if (!strcmp(way, "sendto")) {
    int fd = socket(family, SOCK_DGRAM, 0);
    return end(sendto(fd, "x", 1, 0, (void *)&address, length) == 1);
  }
  if (!strcmp(way, "sendto-many")) {
    int fd = socket(family, SOCK_DGRAM, 0);
    for (int i = 0; i < atoi(argv[4]); i++) sendto(fd, "x", 1, 0, (void *)&address, length);
    return end(1);
  }
  if (!strcmp(way, "sendmsg")) {
    int fd = socket(family, SOCK_DGRAM, 0);
    return end(sendmsg(fd, &message, 0) == 1);
  }
  if (!strcmp(way, "sendmmsg")) {
    int fd = socket(family, SOCK_DGRAM, 0);
    struct mmsghdr many = {.msg_hdr = message};
    return end(sendmmsg(fd, &many, 1, 0) == 1);
  }
  if (!strcmp(way, "fast-open")) {
    int fd = socket(family, SOCK_STREAM, 0);
    sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (void *)&address, length);
    return end(1);
  }
  if (!strcmp(way, "uring-connect")) {
    int fd = socket(family, SOCK_STREAM, 0);
    int result = ring(IORING_OP_CONNECT, fd, &address, length);
    return result ? result : end(1);
  }
  if (!strcmp(way, "uring-sendmsg")) {
    int fd = socket(family, SOCK_DGRAM, 0);
    int result = ring(IORING_OP_SENDMSG, fd, &message, 0);
    return result ? result : end(1);
  }
  if (!strcmp(way, "listen") || !strcmp(way, "accept") || !strcmp(way, "accept4")) {
    int one = 1, fd = socket(family, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (void *)&address, length) || listen(fd, 4)) return 1;
    if (!strcmp(way, "listen")) return end(1);
    /* Its own peer, so that one program is enough. */
    int peer = socket(family, SOCK_STREAM, 0);
    if (connect(peer, (void *)&address, length)) return 1;
    int taken = !strcmp(way, "accept") ? accept(fd, 0, 0) : accept4(fd, 0, 0, SOCK_CLOEXEC);
    return end(taken >= 0);
  }
  return 2;
}
