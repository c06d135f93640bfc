#ifndef ESPALIER_SUPERVISOR_CONTROL_OPEN_CALL_H_
#define ESPALIER_SUPERVISOR_CONTROL_OPEN_CALL_H_

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/support/status.h"

namespace espalier {

// A call that a client waits for. Any thread.
class OpenCall {
 public:
  virtual ~OpenCall() = default;
  // Ends it with `status`, after what was said to the client before, unless it
  // has ended already.
  virtual void End(const grpc::Status& status) = 0;
};

// All calls that are open, so that none is left waiting when the server ends.
// Any thread.
class OpenCalls {
 public:
  // Ends the call at once if EndAll() was called.
  void Add(const std::shared_ptr<OpenCall>& call) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (!ended_.ok()) return call->End(ended_);
    // Those that are gone go whenever there are twice as many as were left.
    if (calls_.size() >= sweep_at_) Sweep();
    calls_.push_back(call);
  }

  // Ends every call, and every later one.
  void EndAll(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    ended_ = status;
    for (const std::weak_ptr<OpenCall>& call : calls_) {
      if (const auto open = call.lock()) open->End(status);
    }
    calls_.clear();
  }

 private:
  void Sweep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::erase_if(calls_, [](const auto& call) { return call.expired(); });
    sweep_at_ = 2 * calls_.size() + 16;
  }

  absl::Mutex mutex_;
  grpc::Status ended_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<OpenCall>> calls_ ABSL_GUARDED_BY(mutex_);
  size_t sweep_at_ ABSL_GUARDED_BY(mutex_) = 16;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_OPEN_CALL_H_
