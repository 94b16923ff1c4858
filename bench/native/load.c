// The bench's load: a server and four kinds of client in one program, as a load generator in Node would itself be what
// is measured. One thread each, epoll, no allocation after the start. The first byte of a connection says what the
// client wants:
//   d  bytes without end          e  every byte back          n  one byte back, then the server closes
//   C  a CONNECT request (RFC 9110 9.3.6), answered with 200; what follows is one of the above
// Clients print `begin` when they are warm and `end ...` with their result, so that a reader can measure others between.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, CHUNK = 256 * 1024 };

static char chunk[CHUNK];

static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
  exit(1);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *ip, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, ip, &to.sin_addr) != 1) fail("%s is not an IPv4 address", ip);
  return to;
}

static void no_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void watch(int poll, int fd, uint32_t events, void *data, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = data};
  if (epoll_ctl(poll, operation, fd, &event) != 0) fail("epoll_ctl");
}

// ---- server

struct peer {
  int fd;
  char wants; // 0 until it is known
  char head[2048];
  size_t length;
};

static void close_peer(struct peer *peer) {
  close(peer->fd);
  free(peer);
}

/** What is left of a CONNECT request after its empty line; NULL while it is not whole. */
static char *after_head(struct peer *peer) {
  peer->head[peer->length] = 0;
  char *end = strstr(peer->head, "\r\n\r\n");
  return end ? end + 4 : NULL;
}

/** False: the connection is over. */
static bool learn(struct peer *peer) {
  ssize_t got = read(peer->fd, peer->head + peer->length, sizeof peer->head - 1 - peer->length);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  peer->length += (size_t)got;
  char *rest = peer->head;
  if (*rest == 'C') {
    rest = after_head(peer);
    if (!rest) return true;
    static const char ok[] = "HTTP/1.1 200 OK\r\n\r\n";
    if (write(peer->fd, ok, sizeof ok - 1) < 0) return false;
    if (*rest == 0) {
      peer->length = 0;
      return true;
    }
  }
  peer->wants = *rest;
  if (peer->wants == 'n') return write(peer->fd, "n", 1) < 0; // false: answered, so close
  if (peer->wants == 'e') {
    size_t left = peer->length - (size_t)(rest + 1 - peer->head);
    if (left && write(peer->fd, rest + 1, left) < 0) return false;
  }
  return true;
}

static bool echo(struct peer *peer) {
  ssize_t got = read(peer->fd, chunk, CHUNK);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  return write(peer->fd, chunk, (size_t)got) == got;
}

static bool pour(struct peer *peer) {
  for (int i = 0; i < 8; i++) {
    ssize_t put = write(peer->fd, chunk, CHUNK);
    if (put < 0) return errno == EAGAIN;
  }
  return true;
}

static void accept_all(int poll, int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    no_delay(fd);
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) fail("out of memory");
    peer->fd = fd;
    watch(poll, fd, EPOLLIN, peer, EPOLL_CTL_ADD);
  }
}

static void serve(const char *ip, int port) {
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in at = address(ip, port);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) fail("listen %s:%d", ip, port);
  int poll = epoll_create1(0);
  watch(poll, listener, EPOLLIN, NULL, EPOLL_CTL_ADD);
  watch(poll, 0, EPOLLIN | EPOLLHUP, &on, EPOLL_CTL_ADD); // ends with its parent
  puts("listening");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[256];
    int count = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      struct peer *peer = events[i].data.ptr;
      if (!peer) {
        accept_all(poll, listener);
        continue;
      }
      if ((void *)peer == (void *)&on) return;
      bool known = peer->wants != 0;
      bool alive = peer->wants == 'e' ? echo(peer) : peer->wants == 'd' ? pour(peer) : learn(peer);
      if (!alive) close_peer(peer);
      else if (!known && peer->wants == 'd') watch(poll, peer->fd, EPOLLOUT, peer, EPOLL_CTL_MOD);
    }
  }
}

// ---- clients

struct target {
  struct sockaddr_in to, from;
  const char *authority; // CONNECT this first; NULL: speak at once
};

/** A connecting socket bound to the caller's address; the port is chosen at connect, so that none is held twice. */
static int dial(const struct target *target, int flags) {
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  if (fd < 0) fail("socket");
  setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&target->from, sizeof target->from)) fail("bind");
  no_delay(fd);
  if (connect(fd, (struct sockaddr *)&target->to, sizeof target->to) && errno != EINPROGRESS) fail("connect");
  errno = 0;
  return fd;
}

static size_t greeting(const struct target *target, char *text, size_t room) {
  if (!target->authority) return 0;
  return (size_t)snprintf(text, room, "CONNECT %s HTTP/1.1\r\nhost: %s\r\n\r\n", target->authority, target->authority);
}

/** Blocking: dialled, the CONNECT answered. */
static int open_connection(const struct target *target) {
  char text[1024];
  int fd = dial(target, 0);
  size_t length = greeting(target, text, sizeof text);
  if (!length) return fd;
  if (write(fd, text, length) < 0) fail("CONNECT");
  for (size_t at = 0;;) {
    if (read(fd, text + at, 1) != 1) fail("the CONNECT was not answered");
    text[++at] = 0;
    if (at >= 4 && strcmp(text + at - 4, "\r\n\r\n") == 0) break;
    if (at == sizeof text - 1) fail("the answer to CONNECT is too long");
  }
  if (strncmp(text, "HTTP/1.1 200", 12) != 0) fail("the CONNECT was refused: %.60s", text);
  return fd;
}

static void say(const char *word) {
  puts(word);
  fflush(stdout);
}

/** Reads what `streams` connections bring for `during` seconds after one second of warming up. */
static void stream(const struct target *target, int streams, double during) {
  int poll = epoll_create1(0);
  static int fds[CONNECTIONS];
  for (int i = 0; i < streams; i++) {
    fds[i] = open_connection(target);
    if (write(fds[i], "d", 1) != 1) fail("write");
    watch(poll, fds[i], EPOLLIN, &fds[i], EPOLL_CTL_ADD);
  }
  double begin = seconds() + 1, now = 0;
  uint64_t bytes = 0;
  bool warm = false;
  while (!warm || now < begin + during) {
    struct epoll_event events[64];
    int count = epoll_wait(poll, events, 64, 5000);
    if (count <= 0) fail("no byte for 5 s");
    for (int i = 0; i < count; i++) {
      ssize_t got = read(*(int *)events[i].data.ptr, chunk, CHUNK);
      if (got <= 0) fail("the stream ended");
      bytes += (uint64_t)got;
    }
    now = seconds();
    if (!warm && now >= begin) {
      warm = true;
      bytes = 0;
      begin = now;
      say("begin");
    }
  }
  printf("end %llu %.6f\n", (unsigned long long)bytes, now - begin);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/** One message after another on one connection; prints p50 and p99 in microseconds. */
static void ping(const struct target *target, int size, int times) {
  int fd = open_connection(target), warming = 500;
  double *took = calloc((size_t)times, sizeof *took);
  if (!took || size > CHUNK) fail("too much");
  if (write(fd, "e", 1) != 1) fail("write");
  for (int i = -warming; i < times; i++) {
    if (i == 0) say("begin");
    double sent = seconds();
    if (write(fd, chunk, (size_t)size) != size) fail("write");
    for (int got = 0; got < size;) {
      ssize_t more = read(fd, chunk, (size_t)(size - got));
      if (more <= 0) fail("the echo ended");
      got += (int)more;
    }
    if (i >= 0) took[i] = (seconds() - sent) * 1e6;
  }
  qsort(took, (size_t)times, sizeof *took, by_value);
  printf("end %.1f %.1f\n", took[times / 2], took[times * 99 / 100]);
}

struct call {
  int fd;
  bool greeted, asked, answered;
  char text[512];
};

static void start_call(int poll, struct call *call, const struct target *target) {
  call->fd = dial(target, SOCK_NONBLOCK);
  call->greeted = call->asked = call->answered = false;
  watch(poll, call->fd, EPOLLOUT, call, EPOLL_CTL_ADD);
}

/** True: the server has answered and closed. */
static bool go_on(int poll, struct call *call, const struct target *target) {
  if (!call->greeted) {
    size_t length = greeting(target, call->text, sizeof call->text);
    call->asked = length == 0;
    if (write(call->fd, call->asked ? "n" : call->text, call->asked ? 1 : length) < 0) fail("write");
    call->greeted = true;
    watch(poll, call->fd, EPOLLIN, call, EPOLL_CTL_MOD);
    return false;
  }
  ssize_t got = read(call->fd, call->text, sizeof call->text);
  if (got < 0 && errno == EAGAIN) return false;
  if (got < 0) fail("a connection broke");
  if (got == 0 && !call->answered) fail("a connection ended without an answer");
  if (got > 0 && call->asked) call->answered = true;
  if (got > 0 && !call->asked) {
    if (strncmp(call->text, "HTTP/1.1 200", 12) != 0) fail("the CONNECT was refused");
    call->asked = true;
    if (write(call->fd, "n", 1) != 1) fail("write");
  }
  return got == 0;
}

/** New connections, `parallel` at a time: opened, asked once, closed by the server. */
static void calls(const struct target *target, int parallel, double during) {
  static struct call all[CONNECTIONS];
  int poll = epoll_create1(0);
  for (int i = 0; i < parallel; i++) start_call(poll, &all[i], target);
  double begin = seconds() + 1, now = 0;
  uint64_t done = 0;
  bool warm = false;
  while (!warm || now < begin + during) {
    struct epoll_event events[256];
    int count = epoll_wait(poll, events, 256, 5000);
    if (count <= 0) fail("nothing was answered for 5 s");
    for (int i = 0; i < count; i++) {
      struct call *call = events[i].data.ptr;
      if (!go_on(poll, call, target)) continue;
      close(call->fd);
      done++;
      start_call(poll, call, target);
    }
    now = seconds();
    if (!warm && now >= begin) {
      warm = true;
      done = 0;
      begin = now;
      say("begin");
    }
  }
  printf("end %llu %.6f\n", (unsigned long long)done, now - begin);
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  if (count == 4 && strcmp(words[1], "serve") == 0) {
    serve(words[2], atoi(words[3]));
    return 0;
  }
  if (count < 7) {
    fprintf(stderr, "load serve IP PORT\n"
                    "load stream IP PORT FROM STREAMS SECONDS [AUTHORITY]\n"
                    "load ping IP PORT FROM BYTES TIMES [AUTHORITY]\n"
                    "load calls IP PORT FROM PARALLEL SECONDS [AUTHORITY]\n");
    return 2;
  }
  struct target target = {address(words[2], atoi(words[3])), address(words[4], 0), count > 7 ? words[7] : NULL};
  if (strcmp(words[1], "stream") == 0) stream(&target, atoi(words[5]), atof(words[6]));
  else if (strcmp(words[1], "ping") == 0) ping(&target, atoi(words[5]), atoi(words[6]));
  else if (strcmp(words[1], "calls") == 0) calls(&target, atoi(words[5]), atof(words[6]));
  else fail("%s is none of serve, stream, ping, calls", words[1]);
  return 0;
}
