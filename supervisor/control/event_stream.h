#ifndef ESPALIER_SUPERVISOR_CONTROL_EVENT_STREAM_H_
#define ESPALIER_SUPERVISOR_CONTROL_EVENT_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/control/control.pb.h"
#include "supervisor/control/write_stream.h"
#include "supervisor/journal/event_log.h"
#include "supervisor/journal/journal_reader.h"

namespace espalier {

// One client's view of the events: what is at hand comes from the log, what is
// older from the journal. Sends no faster than the client takes it, and in
// small pieces: the journal is the queue. The loop's thread only.
class EventStream {
 public:
  using Stream = WriteStream<control::v1::EventsResponse>;

  // `log` must outlive this.
  EventStream(const EventLog* log, std::shared_ptr<Stream> stream,
              const control::v1::EventsRequest& request);

  // Sends what the client has room for. To be called at the start, when there
  // are new events, and when the stream's queue has run empty.
  void Continue();

  // Whether the call is over.
  bool closed() const { return stream_->closed(); }

 private:
  // The next events, wanted or not; none if there are no more now.
  std::vector<journal::v1::Event> Take();
  void OpenJournal();
  void Send(std::vector<journal::v1::Event> events);
  bool IsWanted(const journal::v1::Event& event) const;

  const EventLog* const log_;
  const std::shared_ptr<Stream> stream_;
  const int64_t since_us_;
  const bool follow_;
  const std::vector<std::string> services_;
  // All up to this one were sent, or are not wanted.
  int64_t after_;
  // While it reads what is not at hand any more.
  std::optional<JournalReader> journal_;
  // Records that were damaged; what was told of it.
  int64_t damaged_ = 0;
  int64_t damaged_told_ = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_EVENT_STREAM_H_
