#ifndef ESPALIER_SUPERVISOR_CONTROL_WATCHERS_H_
#define ESPALIER_SUPERVISOR_CONTROL_WATCHERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/control/change_history.h"
#include "supervisor/control/control.pb.h"
#include "supervisor/control/controlled.h"
#include "supervisor/control/write_stream.h"

namespace espalier {

// Passes on every change to all that watch. The loop's thread only.
class Watchers {
 public:
  using Stream = WriteStream<control::v1::WatchResponse>;

  struct Options {
    std::string run_id = {};
    size_t max_queued = 1024;
    size_t max_history = 4096;
  };

  // `controlled` must outlive this.
  Watchers(Controlled* controlled, Options options);

  // Begins with what came after the revision in `request`, or with a snapshot.
  void Add(std::shared_ptr<Stream> stream,
           const control::v1::WatchRequest& request);

  // To be called with every change of `controlled`, in order.
  void OnChange(const ServiceChange& change);

  // Forgets those whose calls are over.
  void Sweep();

  size_t size() const { return watchers_.size(); }

 private:
  struct Watcher {
    std::shared_ptr<Stream> stream;
    // How many messages may wait for it: what it began with, and
    // Options::max_queued more.
    size_t max_waiting = 0;
  };

  // Returns how many messages of it wait.
  size_t SendSnapshot(Stream& stream);
  control::v1::WatchResponse Response(const ServiceChange& change) const;

  Controlled* const controlled_;
  const Options options_;
  ChangeHistory history_;
  std::vector<Watcher> watchers_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_WATCHERS_H_
