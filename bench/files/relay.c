/* relay LISTEN TARGET: the least that any process in between costs. It forks for
   each connection to LISTEN, connects to TARGET and copies bytes both ways until
   either side ends. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address(const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  strncpy(a.sun_path, path, sizeof a.sun_path - 1);
  return a;
}

static int copy(int from, int to) {
  static char buffer[1 << 18];
  ssize_t n = read(from, buffer, sizeof buffer);
  for (ssize_t done = 0; done < n;) {
    ssize_t m = write(to, buffer + done, n - done);
    if (m <= 0) return 0;
    done += m;
  }
  return n > 0;
}

static void relay(int a, int b) {
  struct pollfd ends[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
  while (poll(ends, 2, -1) > 0) {
    if (ends[0].revents && !copy(a, b)) return;
    if (ends[1].revents && !copy(b, a)) return;
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  signal(SIGCHLD, SIG_IGN);
  struct sockaddr_un here = address(argv[1]), there = address(argv[2]);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 16)) {
    perror("relay");
    return 1;
  }
  puts("listening");
  fflush(stdout);
  for (;;) {
    int near = accept(listener, 0, 0);
    if (near < 0) return 1;
    if (fork() == 0) {
      int far = socket(AF_UNIX, SOCK_STREAM, 0);
      if (connect(far, (struct sockaddr *)&there, sizeof there) == 0) relay(near, far);
      _exit(0);
    }
    close(near);
  }
}
