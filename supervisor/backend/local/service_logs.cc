#include "supervisor/backend/local/service_logs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "glog/logging.h"
#include "supervisor/instance/private_directory.h"

namespace espalier {

ServiceLogs::ServiceLogs(Loop& loop, std::string directory)
    : directory_(std::move(directory)),
      trimmer_(&loop, [](const absl::Status& status) {
        LOG(WARNING) << status.message();
      }) {
  struct stat found;
  if (stat(directory_.c_str(), &found) == 0) mode_ = found.st_mode & 07777;
}

void ServiceLogs::EnsureDirectory() {
  if (access(directory_.c_str(), F_OK) == 0) return;
  if (!MakePrivateDirectory(directory_, mode_).ok()) return;
  LOG(WARNING) << directory_ << " was removed, and has been made again";
  // The file that is open was removed with it.
  generations_.reset();
}

int64_t ServiceLogs::BeginRun(const std::string& path, Generation generation) {
  struct stat found;
  const bool is_there = stat(path.c_str(), &found) == 0;
  if (!is_there) EnsureDirectory();
  const int64_t offset = is_there ? static_cast<int64_t>(found.st_size) : 0;
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

void ServiceLogs::RunBegan(const std::string& path, const LogRule& rule) {
  if (rule.mode == LogRule::Mode::kFile) trimmer_.Watch(path, rule.max_bytes);
}

std::optional<keeper::StrictLogRule> ServiceLogs::StrictRule(
    const LogRule& rule) {
  if (rule.mode == LogRule::Mode::kFile) return std::nullopt;
  return keeper::StrictLogRule{
      .max_bytes = static_cast<uint64_t>(rule.max_bytes),
      .drop = rule.when_full == LogRule::WhenFull::kDrop};
}

void ServiceLogs::TellLoss(const std::string& service,
                           const keeper::LogLossEvent& event) {
  LOG(WARNING) << "the log of " << service << ", run " << event.generation
               << ": "
               << (event.error != 0 ? strerror(event.error)
                                    : "writing works again")
               << "; " << event.lost_bytes << " bytes with " << event.lost_lines
               << " ends of lines were dropped so far";
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
