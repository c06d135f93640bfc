// Stands for an environment's process: starts a keeper and one service that has
// left a process behind, says so, and waits to be killed.
//
//   environment CHILD PIDFILE

#include <poll.h>
#include <unistd.h>

#include <csignal>
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
  // Without a file for a pid: a service that is being stopped, and ignores it.
  const bool stops = argv[2] == nullptr;
  if (stops) {
    request.argv = {argv[1], "ignore_term"};
    request.readiness_variable = "READY_FD";
  } else {
    request.argv = {argv[1], "traceless", argv[2]};
  }
  int service = 0;
  if (!(*keeper)->Spawn(request).ok()) return 1;
  (*keeper)->Flush();
  pollfd entry{.fd = (*keeper)->fd(), .events = POLLIN, .revents = 0};
  while (poll(&entry, 1, -1) > 0) {
    auto events = (*keeper)->ReadEvents();
    if (!events.ok()) return 3;
    for (const auto& event : *events) {
      using espalier::keeper::ReadyEvent;
      using espalier::keeper::SpawnedEvent;
      if (const auto* spawned = std::get_if<SpawnedEvent>(&event)) {
        service = spawned->pid;
        if (stops) continue;
      } else if (!stops || !std::holds_alternative<ReadyEvent>(event)) {
        continue;
      }
      if (stops) {
        (*keeper)->Stop(request.id, 1, SIGTERM, absl::InfiniteDuration());
        (*keeper)->Flush();
      }
      printf("guard %d keeper %d service %d\n", (*keeper)->guard_pid(),
             (*keeper)->keeper_pid(), service);
      fflush(stdout);
    }
  }
  return 2;
}
