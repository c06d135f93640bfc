// The keeper program. It is started by KeeperClient only; see keeper_client.h
// for the processes it consists of.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <utility>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/program/guard.h"
#include "supervisor/keeper/program/inherited.h"
#include "supervisor/keeper/program/keeper.h"
#include "supervisor/keeper/program/orphan_watch.h"

namespace espalier::keeper {
namespace {

struct LoopArguments {
  KeeperSettings settings;
  OrphanWatch* orphans;
};

void* RunLoop(void* argument) {
  auto* arguments = static_cast<LoopArguments*>(argument);
  Keeper keeper(std::move(arguments->settings), arguments->orphans);
  _exit(keeper.Run());
}

int RunKeeper(pid_t guard, KeeperSettings settings) {
  prctl(PR_SET_NAME, "espalier-keeper");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  // The guard's death: a signal that can be caught. If it came before this line
  // there will be none.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != guard) return 1;
  // One thread allocates; a second arena would only cost.
  mallopt(M_ARENA_MAX, 1);
  OrphanWatch orphans;
  LoopArguments arguments{.settings = std::move(settings), .orphans = &orphans};
  pthread_t loop;
  if (pthread_create(&loop, nullptr, RunLoop, &arguments) != 0) return 1;
  orphans.ServeOnLeadingThread();
}

}  // namespace
}  // namespace espalier::keeper

int main(int argc, char** argv) {
  namespace keeper = espalier::keeper;
  if (argc != keeper::kArgumentCount) return 2;
  close(keeper::kProgramFd);
  keeper::KeeperSettings settings;
  settings.socket.Reset(keeper::kSocketFd);
  settings.environment_pidfd.Reset(keeper::kEnvironmentPidfd);
  const int rung = std::atoi(argv[keeper::kRungArgument]);
  if (rung != 0) settings.forced_rung = static_cast<keeper::TreeRung>(rung);
  const pid_t guard = keeper::BecomeGuardAndForkKeeper();
  return keeper::RunKeeper(guard, std::move(settings));
}
