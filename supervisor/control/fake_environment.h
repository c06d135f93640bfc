#ifndef ESPALIER_SUPERVISOR_CONTROL_FAKE_ENVIRONMENT_H_
#define ESPALIER_SUPERVISOR_CONTROL_FAKE_ENVIRONMENT_H_

#include <optional>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "supervisor/instance/host_facts.h"
#include "supervisor/instance/instance_paths.h"
#include "supervisor/loop/loop.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

// As much of an environment as a client sees: a lock, a control socket, and the
// services `links` and `gateway`, which do at once what they are told; that
// `links` became ready is in its journal. On a thread of its own; ends when it
// is destroyed or asked to stop.
class FakeEnvironment {
 public:
  // Running when this returns. `name` must not run already.
  // `handle` is what `links` gives, and the environment as a whole.
  FakeEnvironment(const HostFacts& host, const std::string& name,
                  std::optional<HandleData> handle = {});
  ~FakeEnvironment();

  // Of `links`; the test writes it.
  std::string log() const { return paths_->logs_directory() + "/links.log"; }

 private:
  void Run(absl::Notification& running);

  const std::optional<HandleData> handle_;
  std::optional<InstancePaths> paths_;
  Loop loop_;
  std::thread thread_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_FAKE_ENVIRONMENT_H_
