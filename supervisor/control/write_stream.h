#ifndef ESPALIER_SUPERVISOR_CONTROL_WRITE_STREAM_H_
#define ESPALIER_SUPERVISOR_CONTROL_WRITE_STREAM_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/support/server_callback.h"
#include "supervisor/control/open_call.h"

namespace espalier {

// A call that is answered with a stream of messages, which wait in a queue
// while the client takes its time. Any thread.
template <typename Message>
class WriteStream final
    : public OpenCall,
      public std::enable_shared_from_this<WriteStream<Message>> {
 public:
  // `on_change` is called, on a thread of gRPC's, when the queue has run empty,
  // and when the call is over.
  static std::shared_ptr<WriteStream> Begin(std::function<void()> on_change) {
    std::shared_ptr<WriteStream> stream(new WriteStream(std::move(on_change)));
    // Owned by gRPC from here on: it ends with OnDone().
    stream->reactor_ = new Reactor(stream);
    return stream;
  }

  // What the handler gives to gRPC; to be called by it alone.
  grpc::ServerWriteReactor<Message>* reactor() { return reactor_; }

  // Sends `message` after those before. Returns how many wait now; nothing if
  // the call is ending, and the message was dropped.
  std::optional<size_t> Write(Message message) ABSL_LOCKS_EXCLUDED(mutex_) {
    size_t waiting;
    {
      absl::MutexLock lock(&mutex_);
      if (status_.has_value()) return std::nullopt;
      queue_.push_back(std::move(message));
      waiting = queue_.size();
    }
    Proceed();
    return waiting;
  }

  void End(const grpc::Status& status) override {
    Close(status, /*drop_queue=*/false);
  }

  // Ends without what the client has not taken yet.
  void Abort(const grpc::Status& status) { Close(status, /*drop_queue=*/true); }

  // How many messages wait for the client.
  size_t waiting() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return queue_.size();
  }

  // Whether the call is ending or over.
  bool closed() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return status_.has_value();
  }

 private:
  class Reactor final : public grpc::ServerWriteReactor<Message> {
   public:
    explicit Reactor(std::shared_ptr<WriteStream> stream)
        : stream_(std::move(stream)) {}
    void OnWriteDone(bool ok) override { stream_->Written(ok); }
    void OnCancel() override { stream_->Abort(grpc::Status::CANCELLED); }
    void OnDone() override {
      stream_->on_change_();
      delete this;
    }

   private:
    const std::shared_ptr<WriteStream> stream_;
  };

  explicit WriteStream(std::function<void()> on_change)
      : on_change_(std::move(on_change)) {}

  void Close(const grpc::Status& status, bool drop_queue)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      if (drop_queue) queue_.clear();
      if (!status_.has_value()) status_ = status;
    }
    Proceed();
  }

  void Written(bool ok) ABSL_LOCKS_EXCLUDED(mutex_) {
    bool empty;
    {
      absl::MutexLock lock(&mutex_);
      busy_ = false;
      if (!ok) {
        queue_.clear();
        if (!status_.has_value()) status_ = grpc::Status::CANCELLED;
      }
      empty = queue_.empty();
    }
    Proceed();
    if (empty) on_change_();
  }

  // Begins the next write, or the end if nothing is left to write. gRPC takes
  // one at a time, and nothing after the end.
  void Proceed() ABSL_LOCKS_EXCLUDED(mutex_) {
    bool write = false;
    grpc::Status status;
    {
      absl::MutexLock lock(&mutex_);
      if (busy_ || (queue_.empty() && !status_.has_value())) return;
      busy_ = true;
      if (!queue_.empty()) {
        write = true;
        writing_ = std::move(queue_.front());
        queue_.pop_front();
      } else {
        status = *status_;
      }
    }
    // Nobody else comes here while it is busy.
    if (write) {
      reactor_->StartWrite(&writing_);
    } else {
      reactor_->Finish(status);
    }
  }

  const std::function<void()> on_change_;
  Reactor* reactor_ = nullptr;
  mutable absl::Mutex mutex_;
  std::deque<Message> queue_ ABSL_GUARDED_BY(mutex_);
  // A write has begun and is not done, or the end has begun.
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  // How the call ends, once that is known.
  std::optional<grpc::Status> status_ ABSL_GUARDED_BY(mutex_);
  Message writing_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_WRITE_STREAM_H_
