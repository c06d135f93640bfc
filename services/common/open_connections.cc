#include "services/common/open_connections.h"

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>

namespace espalier {
namespace {

bool IsConnectionOn(int port, int fd) {
  sockaddr_in6 address = {};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return false;
  if (address.sin6_family != AF_INET && address.sin6_family != AF_INET6)
    return false;
  // The port is at the same place in both families.
  if (ntohs(address.sin6_port) != port) return false;
  int listening = 0;
  socklen_t option_size = sizeof(listening);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &option_size) ==
             0 &&
         listening == 0;
}

}  // namespace

int CountOpenConnections(int port) {
  DIR* directory = port == 0 ? nullptr : opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int count = 0;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.' && IsConnectionOn(port, atoi(entry->d_name)))
      ++count;
  }
  closedir(directory);
  return count;
}

}  // namespace espalier
