#include "supervisor/environment/standard_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

namespace espalier {

void OpenStandardDescriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // Those below are open, so it gets this number.
    if (fcntl(fd, F_GETFD) < 0) (void)!open("/dev/null", O_RDWR);
  }
}

}  // namespace espalier
