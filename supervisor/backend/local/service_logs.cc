#include "supervisor/backend/local/service_logs.h"

#include <sys/stat.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "glog/logging.h"

namespace espalier {

ServiceLogs::ServiceLogs(Loop& loop, std::string directory)
    : directory_(std::move(directory)),
      trimmer_(&loop, [](const absl::Status& status) {
        LOG(WARNING) << status.message();
      }) {}

int64_t ServiceLogs::BeginRun(const std::string& path, Generation generation) {
  struct stat found;
  const int64_t offset =
      stat(path.c_str(), &found) == 0 ? static_cast<int64_t>(found.st_size) : 0;
  if (!generations_.has_value() && !complained_) {
    absl::StatusOr<GenerationLog> opened =
        GenerationLog::Open(GenerationLog::PathBeside(directory_ + "/"));
    if (!opened.ok()) {
      Complain(opened.status());
    } else {
      generations_.emplace(*std::move(opened));
    }
  }
  if (generations_.has_value()) {
    generations_->Add(path, generation, offset, absl::Now());
  }
  return offset;
}

void ServiceLogs::Flush() {
  if (!generations_.has_value()) return;
  if (absl::Status status = generations_->Flush(); !status.ok()) {
    Complain(status);
  }
}

void ServiceLogs::Complain(const absl::Status& status) {
  if (std::exchange(complained_, true)) return;
  LOG(WARNING) << status.message()
               << "; services run on, but at which offsets of their logs their "
                  "runs began may not be known";
}

}  // namespace espalier
