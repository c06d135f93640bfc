#ifndef ESPALIER_SERVICES_GATEWAY_SERVER_LINKS_CLIENT_H_
#define ESPALIER_SERVICES_GATEWAY_SERVER_LINKS_CLIENT_H_

#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/common/event_loop.h"
#include "services/links/links.grpc.pb.h"

namespace espalier::gateway {

struct LinksClientOptions {
  // A call that is not answered by then has failed.
  absl::Duration deadline = absl::Seconds(5);
  // The same for Check, which answers the question whether links can be used
  // now.
  absl::Duration check_deadline = absl::Seconds(1);
};

// Reads "http://127.0.0.1:4711" or "127.0.0.1:4711": returns "127.0.0.1:4711".
// InvalidArgument otherwise.
absl::StatusOr<std::string> ParseLinksAddress(absl::string_view text);

// Calls the links server, and hides its restarts: calls wait until it is there,
// and are repeated when the connection is lost in the middle, within the
// deadline. Functions are called on the event loop's thread, return at once,
// and call `done` there, later, with the server's error: InvalidArgument,
// NotFound, AlreadyExists, or Unavailable when there was no answer in time.
class LinksClient {
 public:
  template <typename T>
  using Done = absl::AnyInvocable<void(absl::StatusOr<T>) &&>;

  // `address` as ParseLinksAddress returns it. `loop` must outlive the client.
  LinksClient(EventLoop& loop, std::string address,
              LinksClientOptions options = {});
  LinksClient(const LinksClient&) = delete;
  LinksClient& operator=(const LinksClient&) = delete;
  // Cancels the calls under way and waits until gRPC has let go of them; their
  // `done` is destroyed uncalled.
  ~LinksClient();

  const std::string& address() const { return address_; }

  // `code` must not be empty: it is what makes repeating the call safe.
  void CreateLink(const std::string& url, const std::string& code,
                  Done<links::v1::Link> done);

  void GetLink(const std::string& code, Done<links::v1::Link> done);

  // Whether the server answers, and its store can be read, without waiting for
  // one that is not there.
  void Check(absl::AnyInvocable<void(absl::Status) &&> done);

 private:
  struct AnyCall;
  template <typename Request, typename Response>
  struct Call;

  // Takes a call that is about to start, and returns what to start it with:
  // the function that brings its answer from gRPC's thread to the loop's.
  std::function<void(grpc::Status)> Track(std::unique_ptr<AnyCall> call);
  bool Idle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return in_grpc_ == 0; }

  EventLoop& loop_;
  const std::string address_;
  const LinksClientOptions options_;
  std::unique_ptr<links::v1::Links::Stub> stub_;
  // A call holds on to the channel, and the last to let go of that must not be
  // one of gRPC's threads: it would wait for its own end. So calls are
  // destroyed on the loop's thread only.
  absl::flat_hash_map<AnyCall*, std::unique_ptr<AnyCall>> calls_;
  // Gone when this is: what was posted before then finds nothing to do.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  absl::Mutex mutex_;
  // Calls that gRPC has not answered yet.
  int in_grpc_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace espalier::gateway

#endif  // ESPALIER_SERVICES_GATEWAY_SERVER_LINKS_CLIENT_H_
