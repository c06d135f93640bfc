// A service that does as it is told: actor FILE. Before anything else it reads
// the file, which tests write: "exit N" ends it with that code, "hang" makes it
// run without ever being ready, "ready_exit N" ends it as soon as it is ready.
// Without the file it is ready at once and runs. Anybody may trace it.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  // EINVAL where every process of the user may.
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  char script[64] = "";
  const int file = open(argc > 1 ? argv[1] : "", O_RDONLY);
  if (file >= 0 && read(file, script, sizeof script - 1) < 0) return 99;
  int code = 0;
  if (sscanf(script, "exit %d", &code) == 1) return code;
  const char* ready = getenv("READY_FD");
  if (ready != NULL && strcmp(script, "hang") != 0 &&
      write(atoi(ready), "\n", 1) != 1) {
    return 98;
  }
  if (sscanf(script, "ready_exit %d", &code) == 1) return code;
  while (1) pause();
}
