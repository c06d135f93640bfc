#ifndef ESPALIER_SUPERVISOR_CONTROL_UNARY_CALL_H_
#define ESPALIER_SUPERVISOR_CONTROL_UNARY_CALL_H_

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/support/server_callback.h"
#include "supervisor/control/open_call.h"

namespace espalier {

// A call with one answer, which may come from any thread, once, however often
// and by however many it is given: the loop, a client that goes away, the end
// of the server.
class UnaryCall final : public OpenCall {
 public:
  // The call for a handler that returns `reactor()`.
  static std::shared_ptr<UnaryCall> Begin() {
    std::shared_ptr<UnaryCall> call(new UnaryCall);
    // Owned by gRPC from here on: it ends with OnDone().
    call->returned_ = new Reactor(call);
    absl::MutexLock lock(&call->mutex_);
    call->open_ = call->returned_;
    return call;
  }

  // What the handler gives to gRPC; to be called by it alone.
  grpc::ServerUnaryReactor* reactor() { return returned_; }

  void End(const grpc::Status& status) override { Answer(status, nullptr); }

  // Answers, after `fill` has written the response, which lives until then.
  // Does neither if there was an answer already.
  void Answer(const grpc::Status& status, const std::function<void()>& fill)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    Reactor* reactor;
    {
      absl::MutexLock lock(&mutex_);
      reactor = std::exchange(open_, nullptr);
    }
    if (reactor == nullptr) return;
    if (fill) fill();
    reactor->Finish(status);
  }

 private:
  class Reactor final : public grpc::ServerUnaryReactor {
   public:
    explicit Reactor(std::shared_ptr<UnaryCall> call)
        : call_(std::move(call)) {}
    void OnCancel() override { call_->End(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }

   private:
    const std::shared_ptr<UnaryCall> call_;
  };

  UnaryCall() = default;

  absl::Mutex mutex_;
  // Until it is answered.
  Reactor* open_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Reactor* returned_ = nullptr;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_UNARY_CALL_H_
