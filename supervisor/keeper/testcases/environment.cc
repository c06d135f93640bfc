// Stands for an environment's process: starts a keeper and one service that has
// left a process behind, says so, and waits to be killed.
//
//   environment CHILD PIDFILE

#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "supervisor/keeper/keeper_client.h"

int main(int, char** argv) {
  using espalier::KeeperClient;
  auto keeper = KeeperClient::Launch();
  if (!keeper.ok()) {
    fprintf(stderr, "%s\n", keeper.status().ToString().c_str());
    return 1;
  }
  espalier::keeper::SpawnRequest request;
  request.generation = 1;
  request.program = argv[1];
  request.argv = {argv[1], "nameless", argv[2]};
  if (!(*keeper)->Spawn(request).ok()) return 1;
  (*keeper)->Flush();
  pollfd entry{.fd = (*keeper)->fd(), .events = POLLIN, .revents = 0};
  while (poll(&entry, 1, -1) > 0) {
    auto events = (*keeper)->ReadEvents();
    if (!events.ok()) return 3;
    for (const auto& event : *events) {
      if (const auto* spawned =
              std::get_if<espalier::keeper::SpawnedEvent>(&event)) {
        printf("guard %d keeper %d service %d\n", (*keeper)->guard_pid(),
               (*keeper)->keeper_pid(), spawned->pid);
        fflush(stdout);
      }
    }
  }
  return 2;
}
