#ifndef ESPALIER_SUPERVISOR_CONTROL_LOG_STREAM_H_
#define ESPALIER_SUPERVISOR_CONTROL_LOG_STREAM_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/control/control.pb.h"
#include "supervisor/control/service_snapshot.h"
#include "supervisor/control/write_stream.h"
#include "supervisor/logs/followed_file.h"
#include "supervisor/logs/log_follower.h"
#include "supervisor/logs/log_range.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// One client's view of the logs: first the end of each file, or the part of it
// that was asked for, then what is written. Reads no faster than the client
// takes it, and in small pieces: the files are the queue. The loop's thread
// only.
class LogStream {
 public:
  using Stream = WriteStream<control::v1::LogsResponse>;

  // Those of `services` that have a log.
  LogStream(Loop* loop, std::shared_ptr<Stream> stream,
            const control::v1::LogsRequest& request,
            const std::vector<ServiceSnapshot>& services);

  // Sends what the client has room for. To be called at the start, and when the
  // stream's queue has run empty.
  void Continue();

  // A service has changed, perhaps come to be: its log is followed from its
  // beginning, if all are and it was not.
  void OnChange(const ServiceSnapshot& service);

  // Whether the call is over.
  bool closed() const { return stream_->closed(); }

 private:
  struct Source {
    std::string service;
    std::string path;
  };

  void AddSource(const ServiceSnapshot& service);
  void SendTail(const Source& source);
  // Follows the part from its beginning on, or begins to read it.
  void BeginPart(const Source& source);
  // Sends some of the part that is being read.
  void ReadPart();
  // A followed line: goes into one message with the others of this turn.
  void AddLine(absl::string_view service, absl::string_view line);
  void SendLines();
  // Creates the follower if it is wanted and was not.
  bool StartFollowing();
  void Fail(const absl::Status& status);
  void NoteWaiting(std::optional<size_t> waiting);

  Loop* const loop_;
  const std::shared_ptr<Stream> stream_;
  const size_t tail_lines_;
  const bool follow_;
  const std::optional<LogPart> part_;
  // Whether no service was named: those that come later are wanted as well.
  const bool all_;
  absl::flat_hash_set<std::string> known_;
  // Whose end was not sent yet.
  std::deque<Source> tails_;
  std::unique_ptr<LogFollower> follower_;
  // The part that is being read, of a file that is not followed, and whose.
  std::unique_ptr<FollowedFile> reading_;
  std::string reading_service_;
  // Followed lines of one service that were not sent yet, and their size.
  control::v1::LogsResponse lines_;
  int lines_bytes_ = 0;
  Loop::Watch send_soon_;
  Loop::Watch next_turn_;
  // The client has as much in its queue as it may.
  bool full_ = false;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_LOG_STREAM_H_
