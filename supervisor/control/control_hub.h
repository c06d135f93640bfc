#ifndef ESPALIER_SUPERVISOR_CONTROL_CONTROL_HUB_H_
#define ESPALIER_SUPERVISOR_CONTROL_CONTROL_HUB_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/control/control.pb.h"
#include "supervisor/control/controlled.h"
#include "supervisor/control/event_stream.h"
#include "supervisor/control/log_stream.h"
#include "supervisor/control/watchers.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// The loop's side of the API: what the calls come to. The loop's thread only.
class ControlHub {
 public:
  // Both must outlive the hub, which is the one subscriber of `controlled`.
  ControlHub(Loop* loop, Controlled* controlled, Watchers::Options options);
  ~ControlHub();

  ControlHub(const ControlHub&) = delete;
  ControlHub& operator=(const ControlHub&) = delete;

  void List(control::v1::ListResponse& response);
  grpc::Status Explain(const control::v1::ExplainRequest& request,
                       control::v1::ExplainResponse& response);
  void AddWatcher(std::shared_ptr<Watchers::Stream> stream,
                  const control::v1::WatchRequest& request) {
    watchers_.Add(std::move(stream), request);
  }
  void AddLogs(std::shared_ptr<LogStream::Stream> stream,
               const control::v1::LogsRequest& request);
  void AddEvents(std::shared_ptr<EventStream::Stream> stream,
                 const control::v1::EventsRequest& request);

  // To be called when a stream's queue has run empty or its call is over.
  void OnStreamChange();

  Controlled& controlled() { return *controlled_; }

 private:
  void OnChange(const ServiceChange& change);

  Loop* const loop_;
  Controlled* const controlled_;
  const std::string run_id_;
  Watchers watchers_;
  std::vector<std::unique_ptr<LogStream>> logs_;
  std::vector<std::unique_ptr<EventStream>> events_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CONTROL_HUB_H_
